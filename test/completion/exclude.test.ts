import assert from 'node:assert/strict';
import { test } from 'node:test';
import { excluder, invalidGlobs } from '../../src/completion/exclude.ts';

const secret = `
.env
web/.env.local
prod.env
.ENV
C:\\work\\app\\.env
.env.production
.envrc
certs/server.pem
tls/private.key
/home/me/.ssh/config
id_rsa
keys/id_ed25519
id_ecdsa.bak
release.keystore
login.p12
me.kdbx
.htpasswd
.npmrc
app/.npmrc
.pypirc
.netrc
.git-credentials
/home/me/.docker/config.json
/home/me/.aws/credentials
.kube/config
kubeconfig
prod.tfvars
terraform.tfstate
terraform.tfstate.backup
config/master.key
config/secrets.yml
secrets.json
credentials
client/credentials.json
service-account.json
serviceAccountKey.json
.bash_history
office.ovpn`;

const plain = `
src/env.ts
src/environment.ts
vite-env.d.ts
.env.example
.env.sample
id_rsa.pub
keys.ts
key.go
src/keyboard.key.ts
src/credentials/index.ts
src/secrets/redact.ts
docs/aws/credentials.md
config.json
docker/config.json
package.json
.npmignore
history.ts
a.pem.md
monkey
turkey`;

test('files that hold secrets are excluded, each with a reason', () => {
  const excluded = excluder([]);
  for (const path of secret.trim().split('\n')) assert.match(excluded(path) ?? `${path} is read`, /^it holds \w+/);
});

test('files that only look like it are not', () => {
  const excluded = excluder([]);
  for (const path of plain.trim().split('\n')) assert.equal(excluded(path), null, path);
});

const globs: [glob: string, path: string, expect: boolean][] = [
  ['*.sql', 'db/dump.sql', true],
  ['*.sql', 'db/dump.sqlx', false],
  ['vendor', 'vendor/a/b.ts', true],
  ['vendor/', 'app/vendor/b.ts', true],
  ['vendor', 'vendors/b.ts', false],
  ['private/**', 'private/a/b.ts', true],
  ['private/**', 'app/private/b.ts', false],
  ['/private', 'private/b.ts', true],
  ['./src/gen', 'src/gen/api.ts', true],
  ['**/gen/*.ts', 'src/gen/api.ts', true],
  ['/home/me/notes', '/home/me/notes/a.md', true],
  ['src\\gen', 'src/gen/a.ts', true],
  ['SRC/*.ts', 'src/a.ts', true],
  ['*.{a,b}', 'x.b', true],
  ['.hidden', 'a/.hidden/b', true],
  ['#notes', '#notes', true],
  ['', 'a.ts', false],
  ['!a.ts', 'b.ts', false],
  ['[', 'a.ts', false],
];
for (const [glob, path, expect] of globs) {
  test(`knack.exclude ${JSON.stringify(glob)} and ${path}`, () => {
    assert.equal(excluder([glob])(path) !== null, expect);
  });
}

test("the user's globs win over what is shared", () => {
  assert.equal(excluder(['.env.example'])('.env.example'), 'knack.exclude names it');
});

test('globs that cannot be used are named', () => {
  assert.deepEqual(invalidGlobs(['', ' ', '!x', '*.ts', '[']), ['', ' ', '!x']);
});
