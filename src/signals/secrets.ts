/**
 * Our own table of secrets, beside secretlint's: kinds that it lacks, and kinds that it finds only whole.
 *
 * Text here is a window around a cursor: a key may be half typed, cut by the window's edge, or have its closing quote
 * missing. So these rules take a prefix and a shorter length where the vendor's prefix is unmistakable. Each rule
 * names where the format is described. Every quantifier is bounded or runs over one character class, so that the
 * time is linear in the text.
 */

export interface SecretRule {
  /** In the marker: `<redacted:kind>`. */
  readonly kind: string;
  /** Global; the group `secret` is what is cut, or the whole match if there is no such group. */
  readonly pattern: RegExp;
  /** Whether a match is to be cut; by default it is. */
  readonly accept?: (secret: string, match: RegExpExecArray) => boolean;
  readonly source: string;
}

/** Shannon entropy of a text's own characters, in bits a character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const c of text) counts.set(c, (counts.get(c) ?? 0) + 1);
  let bits = 0;
  for (const n of counts.values()) bits -= (n / text.length) * Math.log2(n / text.length);
  return bits;
}

/** Templates, markers of an earlier redaction, and the words that stand for a secret in examples. */
const PLACEHOLDER =
  /[$%]\{|\{\{|^[<[({$%]|^%[a-z]$|^(?:x+|\*+|\.+|-+|_+|0+|1234\w*)$|(?:^|[-_. ])(?:your|my|some|example|sample|placeholder|dummy|change|changeme|replace|todo|fixme|redacted|insert|enter)(?:[-_. ]|$)|^(?:password|passwd|pass|secret|token|key|undefined|null|none|true|false|string|test|testing|changeit|example|default|optional|required)$/i;

const isPlaceholder = (value: string): boolean => PLACEHOLDER.test(value);

const hasDigit = (s: string): boolean => /\d/.test(s);
const hasLetter = (s: string): boolean => /[a-z]/i.test(s);

/** A value written by people for a machine: digits or marks among letters, no path, no call, no member access. */
function looksChosen(value: string): boolean {
  if (isPlaceholder(value)) return false;
  if (/^[./~]|^[a-z]+:\/\/|[()]|^\d+$|^#[0-9a-f]+$/i.test(value)) return false;
  // `user.name2`, `config.db.token`, `Foo::BAR`: a reference, not a value.
  if (/^[a-z_$][\w$]*(?:(?:\.|::|->)[a-z_$][\w$]*)+$/i.test(value) && !/\d.*\d.*\d/.test(value)) return false;
  return hasDigit(value) || /[!@#$%^&*+=?~]/.test(value);
}

/** Made by a machine: long, and no character much more frequent than the others. */
function looksGenerated(value: string, bits: number): boolean {
  return !isPlaceholder(value) && hasDigit(value) && hasLetter(value) && entropy(value) >= bits;
}

/** Random text in base64 or hex letters: all three classes of character, and no words. */
function looksRandom(value: string): boolean {
  if (!/[a-z]/.test(value) || !/[A-Z]/.test(value) || (value.match(/\d/g)?.length ?? 0) < 3) return false;
  // Identifiers and paths have long runs of one case; random base64 changes class about every second character.
  let turns = 0;
  const classOf = (c: string): number =>
    c >= '0' && c <= '9' ? 0 : c >= 'a' && c <= 'z' ? 1 : c >= 'A' && c <= 'Z' ? 2 : 3;
  for (let i = 1; i < value.length; i++) if (classOf(value[i]!) !== classOf(value[i - 1]!)) turns++;
  return turns / value.length > 0.4 && entropy(value) >= 4.2;
}

const PASSWORD = 'pass(?:word|wd|phrase|code)?|pwd';
const TOKEN =
  '(?:api|access|auth|secret|private|signing|encryption|client|service|account|shared|master|admin|session|webhook|bot|app|deploy|license|consumer|storage)[-_. ]?(?:key|secret|token|password|pwd|hash)|secret|token|credentials?|apikey|authorization';

export const SECRET_RULES: readonly SecretRule[] = [
  {
    kind: 'private-key',
    // To its END line, or as far as it looks like a key if the window cuts it; in a file, or in a string literal.
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[\s"'`,;|>\\]|\s\+\s|(?:Proc-Type|DEK-Info|Version|Comment|Hash): [^\n]{0,200}|[A-Za-z0-9+/=]{16,})*(?:[A-Za-z0-9+/=]{1,15}(?:\\[nr]|[\s"'`,;])*)?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?/g,
    accept: (block) => /[A-Za-z0-9+/]{16}/.test(block),
    source: 'RFC 7468 section 2, RFC 4880 section 6.2',
  },
  {
    kind: 'private-key',
    // Its end alone, where the window begins within it.
    pattern:
      /^(?:[A-Za-z0-9+/=\\]{1,100}\r?\n){0,200}[A-Za-z0-9+/=\\]{0,100}\s{0,4}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g,
    source: 'RFC 7468 section 2',
  },
  {
    kind: 'putty-key',
    pattern: /Private-Lines: \d{1,4}\s+(?<secret>(?:[A-Za-z0-9+/=]{1,100}\s{1,2}){1,200})/g,
    source: 'PuTTY manual, appendix C: PPK file format',
  },
  { kind: 'age-key', pattern: /AGE-SECRET-KEY-1[0-9A-Z]{20,}/g, source: 'age-encryption.org/v1' },
  {
    kind: 'jwt',
    pattern: /\beyJ[\w-]{8,}\.(?:eyJ)?[\w-]{8,}(?:\.[\w-]*)?/g,
    source: 'RFC 7519 section 3, RFC 7516 section 3 (header beginning {")',
  },
  {
    kind: 'url-credentials',
    pattern: /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'`<>]{0,100}:(?<secret>[^\s/@"'`<>]{3,200})@/gi,
    accept: (secret) =>
      !isPlaceholder(secret) && !/^[[(]?[a-z]{0,4}pass(?:word)?$/i.test(secret) && !/^\d{1,5}$/.test(secret),
    source: 'RFC 3986 section 3.2.1',
  },
  {
    kind: 'authorization',
    pattern: /\b(?:bearer|basic|token|apikey)\s{1,4}(?<secret>[\w.~+/-]{16,}={0,2})/gi,
    accept: (secret) => looksGenerated(secret, 3.2),
    source: 'RFC 6750 section 2.1, RFC 7617 section 2',
  },
  {
    kind: 'curl-user',
    pattern: /\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[ =]{0,2}["']?[\w.@-]{1,100}:(?<secret>[^\s"']{4,200})/g,
    accept: (secret) => !isPlaceholder(secret),
    source: 'curl manual, --user',
  },
  {
    kind: 'netrc',
    pattern: /\bmachine\s{1,8}\S{1,200}\s{1,8}login\s{1,8}\S{1,200}\s{1,8}password\s{1,8}(?<secret>\S{1,200})/g,
    accept: (secret) => !isPlaceholder(secret),
    source: 'GNU inetutils manual, the .netrc file',
  },
  {
    kind: 'password-hash',
    pattern: /\$(?:2[abxy]?|5|6|y|argon2(?:id?|d)|apr1|scrypt)\$[\w$./,=+-]{20,}/g,
    source: 'crypt(5)',
  },
  { kind: 'aws', pattern: /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,16}\b/g, source: 'AWS IAM: unique identifiers' },
  {
    kind: 'azure',
    pattern: /(?:AccountKey|SharedAccessKey|SharedSecret(?:Value)?)=(?<secret>[A-Za-z0-9+/]{20,}={0,2})/g,
    source: 'Azure Storage: configure connection strings',
  },
  { kind: 'azure', pattern: /[?&]sig=(?<secret>[A-Za-z0-9%+/]{20,}={0,2})/g, source: 'Azure Storage: account SAS' },
  { kind: 'azure', pattern: /\b[\w~.-]{3}\dQ~[\w~.-]{20,34}/g, source: 'Microsoft Entra: client secret format' },
  { kind: 'google', pattern: /\bAIza[\w-]{20,}/g, source: 'Google Cloud: API keys' },
  { kind: 'google', pattern: /\bGOCSPX-[\w-]{20,}/g, source: 'Google OAuth 2.0 client secret' },
  { kind: 'google', pattern: /\bya29\.[\w.-]{20,}/g, source: 'Google OAuth 2.0 access token' },
  { kind: 'github', pattern: /\bgh[pousr]_[A-Za-z0-9]{16,}/g, source: 'GitHub: about token formats' },
  { kind: 'github', pattern: /\bgithub_pat_\w{20,}/g, source: 'GitHub: about token formats' },
  {
    kind: 'gitlab',
    pattern: /\bgl(?:pat|rt|ptt|dt|oas|cbt|ft|soat|agent|imt|ffct|wt)-[\w.-]{16,}/g,
    source: 'GitLab: token prefixes',
  },
  { kind: 'slack', pattern: /\bx(?:ox[abeoprs]|app)-[\w-]{16,}/g, source: 'Slack: token types' },
  {
    kind: 'webhook',
    pattern: /\bhooks\.slack\.com\/(?:services|workflows|triggers)\/(?<secret>[\w/]{20,})/g,
    source: 'Slack: incoming webhooks',
  },
  {
    kind: 'webhook',
    pattern: /\bdiscord(?:app)?\.com\/api\/webhooks\/(?<secret>\d{10,}\/[\w-]{30,})/g,
    source: 'Discord: webhook resource',
  },
  {
    kind: 'webhook',
    pattern: /\b[\w-]{1,80}\.webhook\.office\.com\/(?<secret>[\w@/-]{40,})/g,
    source: 'Microsoft Teams: incoming webhooks',
  },
  { kind: 'discord', pattern: /\b[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,}/g, source: 'Discord: bot token' },
  { kind: 'telegram', pattern: /\b\d{8,10}:AA[\w-]{30,}/g, source: 'Telegram: bots, authorizing your bot' },
  {
    kind: 'openai',
    pattern: /\bsk-(?=[\w-]{0,60}\d)[\w-]{20,}/g,
    accept: (secret) => /[A-Z]/.test(secret) || entropy(secret) > 4,
    source: 'OpenAI, Anthropic, OpenRouter, DeepSeek: API keys',
  },
  { kind: 'huggingface', pattern: /\b(?:hf|api_org)_[A-Za-z0-9]{24,}/g, source: 'Hugging Face: user access tokens' },
  { kind: 'groq', pattern: /\bgsk_[A-Za-z0-9]{24,}/g, source: 'Groq: API keys' },
  { kind: 'xai', pattern: /\bxai-[A-Za-z0-9]{40,}/g, source: 'xAI: API keys' },
  { kind: 'replicate', pattern: /\br8_[A-Za-z0-9]{30,}/g, source: 'Replicate: API tokens' },
  { kind: 'perplexity', pattern: /\bpplx-[a-zA-Z0-9]{30,}/g, source: 'Perplexity: API keys' },
  {
    kind: 'stripe',
    pattern: /\b(?:[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,})/g,
    source: 'Stripe: API keys, webhook signatures',
  },
  { kind: 'square', pattern: /\b(?:sq0[a-z]{3}-[\w-]{20,}|EAAA[\w-]{56,})/g, source: 'Square: access tokens' },
  { kind: 'twilio', pattern: /\bSK[0-9a-f]{32}\b/g, source: 'Twilio: API keys' },
  { kind: 'sendgrid', pattern: /\bSG\.[\w-]{16,32}\.[\w-]{16,64}/g, source: 'SendGrid: API keys' },
  { kind: 'mailgun', pattern: /\bkey-[0-9a-f]{32}\b/g, source: 'Mailgun: API keys' },
  { kind: 'mailchimp', pattern: /\b[0-9a-f]{32}-us\d{1,2}\b/g, source: 'Mailchimp Marketing: API keys' },
  { kind: 'npm', pattern: /\bnpm_[A-Za-z0-9]{24,}/g, source: 'npm: access token format' },
  {
    kind: 'npm',
    pattern: /(?<![\w.])(?:_authToken|_auth|_password)\s{0,4}=\s{0,4}["']?(?<secret>[^\s"'$<{]{8,200})/g,
    source: 'npm: npmrc, auth related configuration',
  },
  { kind: 'pypi', pattern: /\bpypi-[\w-]{40,}/g, source: 'PyPI: API tokens (macaroons)' },
  { kind: 'rubygems', pattern: /\brubygems_[0-9a-f]{40,}/g, source: 'RubyGems: API key' },
  { kind: 'nuget', pattern: /\boy2[a-z0-9]{43}\b/g, source: 'NuGet: API keys' },
  { kind: 'docker', pattern: /\bdckr_(?:pat|oat)_[\w-]{20,}/g, source: 'Docker: access tokens' },
  {
    kind: 'docker',
    pattern: /"auth"\s{0,4}:\s{0,4}"(?<secret>[A-Za-z0-9+/]{12,}={0,2})"/g,
    source: 'Docker: config.json, auths',
  },
  { kind: 'digitalocean', pattern: /\bdo[oprt]_v1_[a-f0-9]{32,}/g, source: 'DigitalOcean: API tokens' },
  { kind: 'databricks', pattern: /\bdapi[a-f0-9]{32}/g, source: 'Databricks: personal access tokens' },
  { kind: 'vault', pattern: /\bhv[sbr]\.[\w-]{24,}/g, source: 'HashiCorp Vault: token prefixes' },
  { kind: 'terraform', pattern: /\b[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}/g, source: 'HCP Terraform: API tokens' },
  { kind: 'doppler', pattern: /\bdp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{30,}/g, source: 'Doppler: token formats' },
  { kind: 'postman', pattern: /\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}/g, source: 'Postman: API keys' },
  { kind: 'newrelic', pattern: /\bNR(?:AK|JS|II|IQ)-[\w-]{20,}/g, source: 'New Relic: API keys' },
  { kind: 'sentry', pattern: /\bsntr(?:ys|yu)_[\w+/=]{40,}/g, source: 'Sentry: auth tokens' },
  { kind: 'supabase', pattern: /\bsb(?:p|_secret)_\w{20,}/g, source: 'Supabase: API keys' },
  { kind: 'planetscale', pattern: /\bpscale_(?:tkn|pw|oauth)_[\w.=-]{20,}/g, source: 'PlanetScale: tokens' },
  { kind: 'atlassian', pattern: /\bAT(?:ATT3|CTT3|BB)[\w=-]{20,}/g, source: 'Atlassian: API tokens' },
  { kind: 'airtable', pattern: /\bpat[A-Za-z0-9]{14}\.[0-9a-f]{32,}/g, source: 'Airtable: personal access tokens' },
  { kind: 'figma', pattern: /\bfig[duo]_[\w-]{20,}/g, source: 'Figma: access tokens' },
  { kind: 'linear', pattern: /\blin_(?:api|oauth)_\w{20,}/g, source: 'Linear: API keys' },
  { kind: 'notion', pattern: /\bntn_[A-Za-z0-9]{30,}/g, source: 'Notion: integration tokens' },
  { kind: 'grafana', pattern: /\bgl(?:c|sa)_[\w+/=]{20,}/g, source: 'Grafana: tokens' },
  { kind: 'shopify', pattern: /\bshp(?:at|ca|pa|ss|ua|tka)_[a-fA-F0-9]{20,}/g, source: 'Shopify: access tokens' },
  { kind: 'tailscale', pattern: /\btskey-[a-z]{2,20}-[\w-]{16,}/g, source: 'Tailscale: key prefixes' },
  { kind: 'vercel', pattern: /\bvc[piark]_[A-Za-z0-9]{20,}/g, source: 'Vercel: token formats' },
  { kind: '1password', pattern: /\bops_eyJ[\w+/=-]{40,}/g, source: '1Password: service accounts' },
  { kind: 'cloudflare', pattern: /\bcf(?:k|ut|at)_[A-Za-z0-9]{30,}/g, source: 'Cloudflare: token formats' },
  {
    kind: 'password',
    // password = "...", PASSWORD: '...', "db_password": "...", --password=...; the closing quote may be missing yet.
    pattern: new RegExp(
      `(?:${PASSWORD})\\w{0,20}["'\`\\]]{0,2}\\s{0,8}(?:=>|:=|==|[=:,])\\s{0,8}(?:[a-z]{1,2})?["'\`](?<secret>[^\\s"'\`]{4,200})(?:["'\`]|$)`,
      'gim',
    ),
    accept: looksChosen,
    source: 'assignments in any language, JSON and YAML',
  },
  {
    kind: 'secret',
    pattern: new RegExp(
      `(?:${TOKEN})\\w{0,20}["'\`\\]]{0,2}\\s{0,8}(?:=>|:=|==|[=:,])\\s{0,8}(?:[a-z]{1,2})?["'\`](?:Bearer |Basic )?(?<secret>[^\\s"'\`]{8,400})(?:["'\`]|$)`,
      'gim',
    ),
    accept: (secret) => looksChosen(secret) && looksGenerated(secret, 2.8),
    source: 'assignments in any language, JSON and YAML',
  },
  {
    kind: 'env-secret',
    // KEY=value in shells, dotenv, ini, properties and Dockerfiles: no quotes, nothing after the value.
    pattern: new RegExp(
      `^[ \\t]*(?:export |set |ENV |ARG |- |-e )?[\\w.-]{0,60}(?:${PASSWORD}|${TOKEN})[\\w.-]{0,30}[ \\t]{0,4}[=:][ \\t]{0,4}(?<secret>[^\\s"'\`;,(){}<>[\\]]{6,400})[ \\t]*\\r?$`,
      'gim',
    ),
    accept: (secret) => looksChosen(secret) && entropy(secret) >= 2.5,
    source: 'dotenv, ini and YAML files',
  },
  {
    kind: 'connection-string',
    pattern: /;\s{0,2}(?:password|pwd)\s{0,2}=\s{0,2}(?<secret>[^;"'`\s{}<>]{3,200})/gi,
    accept: (secret) => !isPlaceholder(secret),
    source: 'ADO.NET, ODBC and JDBC connection strings',
  },
  {
    kind: 'random',
    // Long random text of no known vendor, such as a key's middle where the window cut both of its ends.
    pattern: /(?<![\w+/-])[\w+/-]{32,}={0,2}/g,
    accept: looksRandom,
    source: 'entropy; RFC 4648 alphabets',
  },
];
