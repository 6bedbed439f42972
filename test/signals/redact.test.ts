import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { findSecrets, redact, redactJoins, redactParts } from '../../src/signals/redact.ts';
import { ALNUM, made, PLANTED } from './planted.ts';

const half = (s: string): string => s.slice(Math.ceil(s.length / 2));

test('planted secrets of more than 20 kinds are cut, and nothing else on their lines', async (t) => {
  assert.ok(PLANTED.length >= 20);
  for (const { kind, code, secret, pieces } of PLANTED) {
    await t.test(kind, () => {
      const text = `first line\n${code(secret)}\nlast line\n`;
      const { text: clean, found } = redact(text);
      assert.ok(found.length > 0, clean);
      for (const piece of pieces ?? [secret, half(secret)]) assert.ok(!clean.includes(piece), clean);
      assert.match(clean, /<redacted:[a-z0-9-]+>/);
      assert.ok(clean.startsWith('first line\n') && clean.endsWith('\nlast line\n'), clean);
      assert.equal(clean.split('\n').length, text.split('\n').length, 'as many lines as before');
    });
  }
});

test('a secret split by the cursor is cut from both sides, at any place', () => {
  for (const { kind, code, secret } of PLANTED) {
    const text = code(secret);
    const start = text.indexOf(secret);
    for (const share of [0.25, 0.5, 0.75]) {
      const at = start + Math.floor(secret.length * share);
      const { parts } = redactParts([text.slice(0, at), text.slice(at)]);
      assert.ok(!parts.join('').includes(half(secret)), `${kind} at ${share}: ${parts.join('|')}`);
      assert.ok(!parts.join('').includes(secret.slice(0, Math.floor(secret.length / 2))), `${kind} at ${share}`);
    }
  }
});

test('a secret that only the suggestion completes is cut from the suggestion and from what it completes', () => {
  const secret = 'gh' + 'p_' + made(ALNUM, 36);
  const parts = ['const t = "', secret, '";\n'];
  const before = parts[0] + secret.slice(0, 6);
  const { parts: clean } = redactJoins(
    [before, secret.slice(6), parts[2]!],
    [
      [0, 2],
      [0, 1, 2],
    ],
  );
  assert.deepEqual(clean, ['const t = "<redacted:github>', '', '";\n']);
});

test('half a token, as the window cuts it or while it is typed', () => {
  const token = made(ALNUM, 36);
  const cases = [
    `const t = "gh${'p_'}${token.slice(0, 18)}`,
    `password = "Sommer${'2023'}!`,
    `-----BEGIN RSA PRIVATE ${'KEY'}-----\n${made(ALNUM, 64)}\n${made(ALNUM, 30)}`,
    `${made(ALNUM, 64)}\n${made(ALNUM, 64)}\n${made(ALNUM, 20)}\n-----END RSA PRIVATE ${'KEY'}-----\nconst x = 1;`,
  ];
  for (const text of cases) {
    const { text: clean, found } = redact(text);
    assert.ok(found.length > 0, clean);
    assert.doesNotMatch(clean, /[A-Za-z0-9]{16}/);
  }
});

test('a comment in the text cannot switch the rules off', () => {
  const token = 'gl' + 'pat-' + made(ALNUM, 20);
  assert.ok(!redact(`// secretlint-disable\nconst t = "${token}"; // secretlint-disable-line\n`).text.includes(token));
});

test('the value is cut where a preset rule reports its name', () => {
  const secret = made(`${ALNUM}/+`, 40);
  const { text } = redact(`aws_secret_access_key                     = ${secret}\n`);
  assert.ok(!text.includes(secret.slice(-8)), text);
});

test('placeholders, references and templates stay', () => {
  const lines = [
    'password = os.environ["DB_PASSWORD"]',
    'const password = process.env.PASSWORD;',
    `password: "$\{DB_PASSWORD}"`,
    'api_key: "{{ vault.api_key }}"',
    'apiKey = "YOUR_API_KEY"',
    'password = "<redacted:password>"',
    'label: "Password"',
    'const token = tokens[i];',
    'token = lexer.next_token()',
    'if (token === TokenKind.Identifier) {',
    `postgres://user:$\{PASSWORD}@localhost/db`,
    'https://example.com:8080/path@2x.png',
    `const url = \`https://$\{user}:$\{pass}@$\{host}\`;`,
    "if (pem.includes('-----BEGIN PRIVATE KEY-----')) return parse(pem);",
    'export AWS_REGION=eu-central-1',
    'integrity sha1-short',
    'commit 3f786850e387550fdab836ed7e6dc881de23001b',
    'import { passwordStrength } from "./password2.ts";',
    'secretKeyRef: { name: app, key: token }',
    'max_tokens: 4096',
    'tokenLogprobs: readonly number[];',
    'static const char *kSecretService = "org.freedesktop.secrets";',
  ];
  for (const line of lines) assert.equal(redact(line).text, line);
});

test('CRLF and lone surrogates pass through', () => {
  const text = `a\r\npassword = "hunter${'22'}"\r\nb\ud800\r\n`;
  assert.equal(redact(text).text, 'a\r\npassword = "<redacted:password>"\r\nb\ud800\r\n');
});

test('redacting twice changes nothing more', () => {
  for (const { code, secret } of PLANTED) {
    const once = redact(code(secret)).text;
    assert.equal(redact(once).text, once);
  }
});

/** Source files of pinned packages: code that people wrote, without secrets. */
function* ordinaryFiles(): Generator<string> {
  const root = fileURLToPath(new URL('../../node_modules/', import.meta.url));
  const folders = [
    'better-sqlite3/src',
    'better-sqlite3/lib',
    'vscode-jsonrpc/lib',
    'diff/libesm',
    'playwright-core/lib/server',
  ];
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const path = join(root, folder, name);
      if (/\.(js|ts|cpp|hpp)$/.test(name) && statSync(path).isFile()) yield readFileSync(path, 'utf8');
    }
  }
}

test('ordinary code is left alone: under one cut in 2,000 lines', (t) => {
  let lines = 0;
  const cut: string[] = [];
  for (const text of ordinaryFiles()) {
    if (/[^\n]{2000}/.test(text)) continue;
    for (let from = 0; from < text.length; from += 12_000) {
      const piece = text.slice(from, from + 12_000);
      cut.push(...findSecrets(piece).map((f) => `${f.kind}: ${piece.slice(f.start, f.end)}`));
    }
    lines += text.split('\n').length;
  }
  t.diagnostic(`${cut.length} cuts in ${lines} lines`);
  assert.ok(lines > 5_000, `${lines} lines`);
  assert.ok(cut.length / lines < 1 / 2_000, cut.join('\n'));
});

test('it works bundled as CommonJS, as the engine ships it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knack-redact-'));
  try {
    const outfile = join(folder, 'redact.cjs');
    const entry = fileURLToPath(new URL('../../src/signals/redact.ts', import.meta.url));
    await build({ entryPoints: [entry], bundle: true, platform: 'node', format: 'cjs', minify: true, outfile });
    const start = performance.now();
    const bundled = createRequire(import.meta.url)(outfile) as { redact: typeof redact };
    t.diagnostic(`${statSync(outfile).size} bytes, loaded in ${(performance.now() - start).toFixed(1)} ms`);
    for (const { code, secret } of PLANTED) assert.deepEqual(bundled.redact(code(secret)), redact(code(secret)));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
