/**
 * Secrets of many kinds, none of them real: made at test time from a prefix and seeded random text, so that no scanner
 * flags this repository.
 */

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
const DIGITS = '0123456789';
export const ALNUM = UPPER + LOWER + DIGITS;
const HEX = `${DIGITS}abcdef`;

let seed = 20_240_601;
/** Random text over an alphabet; the same in every run. */
export function made(alphabet: string, length: number): string {
  let out = '';
  for (let i = 0; i < length; i++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    out += alphabet[(seed >>> 8) % alphabet.length];
  }
  return out;
}

function pem(kind: string, eol: string): string {
  const lines = Array.from({ length: 12 }, () => made(`${ALNUM}+/`, 64));
  return [
    '-----BEGIN ' + kind + '-----',
    `MII${lines[0]!.slice(3)}`,
    ...lines.slice(1),
    '-----END ' + kind + '-----',
  ].join(eol);
}

export interface Planted {
  readonly kind: string;
  /** Text around the secret. */
  readonly code: (secret: string) => string;
  /** What must not be stored. */
  readonly secret: string;
  /** Pieces of it that must not be stored either; by default its second half. */
  readonly pieces?: readonly string[];
}

const quoted = (name: string) => (secret: string) => `const ${name} = "${secret}";`;
const plain = (secret: string): string => `// ${secret}`;

const key = pem('RSA PRIVATE ' + 'KEY', '\n');
const keyJson = pem('PRIVATE ' + 'KEY', '\\n');
const sshKey = pem('OPENSSH PRIVATE ' + 'KEY', '\n');

export const PLANTED: readonly Planted[] = [
  { kind: 'AWS access key id', code: quoted('id'), secret: 'AKIA' + made(UPPER + '234567', 16) },
  { kind: 'AWS secret key, env', code: (s) => `AWS_SECRET_ACCESS_KEY=${s}`, secret: made(`${ALNUM}/+`, 40) },
  { kind: 'AWS secret key, code', code: (s) => `  awsSecretAccessKey: '${s}',`, secret: made(`${ALNUM}/+`, 40) },
  { kind: 'GitHub classic token', code: quoted('t'), secret: 'gh' + 'p_' + made(ALNUM, 36) },
  {
    kind: 'GitHub fine-grained token',
    code: plain,
    secret: 'github' + '_pat_' + made(ALNUM, 22) + '_' + made(ALNUM, 59),
  },
  { kind: 'GitLab token', code: quoted('t'), secret: 'gl' + 'pat-' + made(ALNUM, 20) },
  {
    kind: 'Slack bot token',
    code: quoted('t'),
    secret: 'xo' + 'xb-' + made(DIGITS, 12) + '-' + made(DIGITS, 12) + '-' + made(ALNUM, 24),
  },
  {
    kind: 'Slack webhook',
    code: quoted('hook'),
    secret: 'https://hooks.slack' + '.com/services/T' + made(UPPER, 8) + '/B' + made(UPPER, 8) + '/' + made(ALNUM, 24),
  },
  {
    kind: 'Discord webhook',
    code: plain,
    secret: 'https://discord' + '.com/api/webhooks/' + made(DIGITS, 18) + '/' + made(ALNUM, 68),
  },
  {
    kind: 'Discord bot token',
    code: quoted('t'),
    secret: 'M' + made(ALNUM, 23) + '.' + made(ALNUM, 6) + '.' + made(ALNUM, 38),
  },
  { kind: 'Telegram bot token', code: quoted('t'), secret: made('123456789', 9) + ':AA' + made(ALNUM, 33) },
  { kind: 'Stripe live key', code: quoted('k'), secret: 'sk_' + 'live_' + made(ALNUM, 24) },
  { kind: 'Stripe webhook secret', code: quoted('k'), secret: 'wh' + 'sec_' + made(ALNUM, 32) },
  {
    kind: 'OpenAI project key',
    code: quoted('k'),
    secret: 'sk-' + 'proj-' + made(ALNUM, 74) + 'T3Blbk' + 'FJ' + made(ALNUM, 74),
  },
  {
    kind: 'Anthropic key',
    code: (s) => `ANTHROPIC_API_KEY: ${s}`,
    secret: 'sk-' + 'ant-api03-' + made(ALNUM, 93) + 'AA',
  },
  { kind: 'Hugging Face token', code: quoted('t'), secret: 'h' + 'f_' + made(ALNUM, 34) },
  { kind: 'Google API key', code: quoted('k'), secret: 'AI' + 'za' + made(`${ALNUM}_-`, 35) },
  { kind: 'Google OAuth secret', code: plain, secret: 'GOC' + 'SPX-' + made(ALNUM, 28) },
  { kind: 'SendGrid key', code: quoted('k'), secret: 'S' + 'G.' + made(ALNUM, 22) + '.' + made(ALNUM, 43) },
  { kind: 'Mailgun key', code: quoted('k'), secret: 'ke' + 'y-' + made(HEX, 32) },
  { kind: 'Twilio key', code: quoted('k'), secret: 'S' + 'K' + made(HEX, 32) },
  { kind: 'npm token', code: (s) => `//registry.npmjs.org/:_authToken=${s}`, secret: 'np' + 'm_' + made(ALNUM, 36) },
  {
    kind: 'npm legacy token',
    code: (s) => `//registry.npmjs.org/:_authToken=${s}`,
    secret: made(HEX, 8) + '-' + made(HEX, 4) + '-' + made(HEX, 12),
  },
  { kind: 'PyPI token', code: (s) => `password = ${s}`, secret: 'py' + 'pi-AgEIcHlwaS5vcmc' + made(ALNUM, 80) },
  { kind: 'DigitalOcean token', code: quoted('t'), secret: 'do' + 'p_v1_' + made(HEX, 64) },
  { kind: 'Databricks token', code: quoted('t'), secret: 'da' + 'pi' + made(HEX, 32) },
  { kind: 'HashiCorp Vault token', code: quoted('t'), secret: 'hv' + 's.' + made(ALNUM, 95) },
  { kind: 'Shopify token', code: quoted('t'), secret: 'shp' + 'at_' + made(HEX, 32) },
  { kind: 'Docker token', code: plain, secret: 'dckr' + '_pat_' + made(ALNUM, 27) },
  { kind: 'Figma token', code: quoted('t'), secret: 'fi' + 'gd_' + made(ALNUM, 40) },
  { kind: 'Linear key', code: quoted('t'), secret: 'lin' + '_api_' + made(ALNUM, 40) },
  { kind: 'Grafana token', code: quoted('t'), secret: 'gl' + 'sa_' + made(ALNUM, 32) + '_' + made(HEX, 8) },
  {
    kind: 'Azure storage key',
    code: (s) => `"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${s};"`,
    secret: made(`${ALNUM}+/`, 86) + '==',
  },
  {
    kind: 'Azure SAS',
    code: (s) => `https://a.blob.core.windows.net/c?sv=2022&sig=${s}`,
    secret: made(ALNUM, 43) + '%3D',
  },
  {
    kind: 'JWT',
    code: (s) => `curl -H "Authorization: Bearer ${s}"`,
    secret: ['ey' + 'J' + made(ALNUM, 33), 'ey' + 'J' + made(ALNUM, 60), made(ALNUM, 43)].join('.'),
  },
  {
    kind: 'bearer token',
    code: (s) => `headers: { Authorization: 'Bearer ${s}' }`,
    secret: made(`${LOWER}${DIGITS}`, 32),
  },
  {
    kind: 'basic authorization',
    code: (s) => `Authorization: Basic ${s}`,
    secret: Buffer.from('deploy:' + made(ALNUM, 16)).toString('base64'),
  },
  { kind: 'RSA private key', code: (s) => `before\n${s}\nafter`, secret: key, pieces: key.split('\n').slice(1, -1) },
  {
    kind: 'SSH private key',
    code: (s) => `KEY = """\n${s}\n"""\n`,
    secret: sshKey,
    pieces: sshKey.split('\n').slice(1, -1),
  },
  {
    kind: 'service account JSON',
    code: (s) => `  "private_key": "${s}\\n",`,
    secret: keyJson,
    pieces: keyJson.split('\\n').slice(1, -1),
  },
  {
    kind: 'database URL',
    code: (s) => `DATABASE_URL=postgres://app:${s}@db.internal:5432/app`,
    secret: made(ALNUM, 12) + '!x',
  },
  {
    kind: 'URL with credentials',
    code: (s) => `git clone https://deploy:${s}@git.example.net/a.git`,
    secret: made(`${ALNUM}$!`, 18),
  },
  {
    kind: 'ADO.NET connection string',
    code: (s) => `"Server=db;Database=a;User Id=sa;Password=${s};"`,
    secret: 'Tr0ub4' + 'dor&3',
  },
  { kind: 'password in code', code: (s) => `conn = connect(host, password="${s}")`, secret: 'hunter' + '22' },
  { kind: 'password in JSON', code: (s) => `  "dbPassword": "${s}",`, secret: 'Sommer' + '2023!' },
  { kind: 'password in dotenv', code: (s) => `SMTP_PASSWORD=${s}\nSMTP_PORT=25`, secret: 'k3tchup-' + 'bottle' },
  {
    kind: 'api key in YAML',
    code: (s) => `service:\n  api_key: ${s}\n  port: 80`,
    secret: made(`${LOWER}${DIGITS}`, 24) + '7',
  },
  { kind: 'client secret in code', code: (s) => `clientSecret: '${s}',`, secret: made(ALNUM, 24) + '4' },
  { kind: 'curl user', code: (s) => `curl -u admin:${s} https://ci.example.net/`, secret: made(ALNUM, 14) },
  { kind: 'netrc', code: (s) => `machine git.example.net login ci password ${s}`, secret: made(ALNUM, 14) },
  { kind: 'password hash', code: quoted('h'), secret: '$2' + 'b$12$' + made(ALNUM, 53) },
  { kind: 'age key', code: plain, secret: 'AGE-SECRET' + '-KEY-1' + made(UPPER + '234567', 58) },
  { kind: 'random text of no known vendor', code: (s) => `seed(${s})`, secret: made(ALNUM, 48) },
];
