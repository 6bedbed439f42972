/**
 * Which files are never read, sent to the model or stored: files that hold secrets by their name, and whatever
 * `knack.exclude` names.
 */
import { t } from '@vscode/l10n';
import { Minimatch } from 'minimatch';

/**
 * What is excluded, and why. A glob without a slash is matched against the file's name, one with a
 * slash against the end of its path; one that ends with a slash names a folder.
 */
export const SECRET_FILES: readonly (readonly [reason: () => string, globs: readonly string[]])[] = [
  [
    () => t('it holds environment variables with credentials'),
    ['.env', '.env.*', '*.env', '.envrc', '.flaskenv', '.dev.vars'],
  ],
  [
    () => t('it holds a private key or certificate store'),
    ['*.{pem,key,p8,p12,pfx,der,ppk}', '*.{jks,keystore,bcfks}'],
  ],
  [
    () => t('it holds SSH keys'),
    ['id_{rsa,dsa,ecdsa,ed25519}', 'id_{rsa,dsa,ecdsa,ed25519}[._-]*', 'ssh_host_*_key', '.ssh/'],
  ],
  [() => t('it holds PGP keys'), ['*.{gpg,pgp,asc}', 'secring.*', '.gnupg/']],
  [
    () => t('it holds passwords'),
    ['*.{kdb,kdbx,psafe3}', '*.agilekeychain/', '*.opvault/', '.password-store/', '.htpasswd', '.pgpass'],
  ],
  [() => t('it holds passwords'), ['.my.cnf', 'login.keychain*']],
  [
    () => t('it holds credentials of a package registry'),
    ['.npmrc', '.yarnrc*', '.pypirc', '.gem/credentials', '.cargo/credentials*'],
  ],
  [
    () => t('it holds credentials of a network tool'),
    ['{.,_}netrc', '.git-credentials', '.dockercfg', '.docker/config.json', '.s3cfg'],
  ],
  [() => t('it holds credentials of a network tool'), ['.boto', '{,.}rclone.conf', '.ftpconfig', 'sftp-config.json']],
  [
    () => t('it holds credentials of a cloud'),
    ['.aws/{credentials,config}', '.azure/*.json', '.config/gcloud/', '.oci/config'],
  ],
  [
    () => t('it holds credentials of a cloud'),
    ['application_default_credentials.json', 'service{-a,A,_a}ccount*.json'],
  ],
  [() => t('it holds credentials of a cluster'), ['kubeconfig', '*.kubeconfig', '.kube/config']],
  [
    () => t('it holds credentials of an infrastructure tool'),
    ['*.tfvars', '*.tfvars.json', '*.tfstate', '*.tfstate.*', '.terraformrc'],
  ],
  [
    () => t('it holds credentials of an infrastructure tool'),
    ['terraform.rc', '.vault-token', '.vault{_,-}pass*', 'master.key'],
  ],
  [
    () => t('it holds secrets by its name'),
    ['{,.}secrets.{json,yml,yaml,toml,ini}', '.secrets', '.secrets/', 'credentials{,.json}'],
  ],
  [() => t('it holds a history of commands'), ['.*_history']],
  [() => t('it holds a network profile with credentials'), ['*.{ovpn,mobileconfig}', 'wpa_supplicant.conf']],
];

/** Templates that are made to be shared, and the public halves of keys. */
const SHARED = ['.env.{example,sample,template,dist}', '{example,sample,template}.env', '*.pub'];

/** The reason for people why a path may not be read, or null if it may. Either slash will do. */
export type Excluder = (path: string) => string | null;

/**
 * Builds the rule from the user's globs, which work as in VS Code's `files.exclude`: a glob is matched against the
 * whole path; and, as in `.gitignore`, one without a slash against each part of it, and a folder that matches
 * excludes all that is in it. Case is ignored: better one file too many. Globs that `invalidGlobs` names are skipped.
 */
export function excluder(globs: readonly string[]): Excluder {
  const shared = matcher(SHARED.map((g) => `**/${g}`));
  const own = matcher(
    globs.filter((g) => !isInvalid(g)).map((g) => (tidy(g).includes('/') ? tidy(g) : `**/${tidy(g)}{,/**}`)),
  );
  const secret = SECRET_FILES.map(([reason, patterns]) => ({
    reason,
    match: matcher(patterns.map((g) => `**/${g.endsWith('/') ? `${g}**` : g}`)),
  }));
  return (path) => {
    const parts = path.split(/[\\/]/).filter((p) => p !== '' && p !== '.');
    if (parts.some((_, i) => own(parts.slice(0, i + 1).join('/')))) return t('knack.exclude names it');
    const joined = parts.join('/');
    if (shared(joined)) return null;
    const rule = secret.find(({ match }) => match(joined));
    return rule ? rule.reason() : null;
  };
}

/** Those of the user's globs that cannot be used: empty, not a glob, or with `!` (which would exclude all the rest). */
export function invalidGlobs(globs: readonly string[]): readonly string[] {
  return globs.filter(isInvalid);
}

function isInvalid(glob: string): boolean {
  return tidy(glob) === '' || glob.trim().startsWith('!') || !compile(tidy(glob)).makeRe();
}

function tidy(glob: string): string {
  return glob
    .trim()
    .replaceAll('\\', '/')
    .replace(/^\.?\//, '')
    .replace(/\/+$/, '');
}

function compile(glob: string): Minimatch {
  return new Minimatch(glob, { dot: true, nocase: true, nonegate: true, nocomment: true });
}

function matcher(globs: readonly string[]): (path: string) => boolean {
  const compiled = globs.map(compile);
  return (path) => compiled.some((m) => m.match(path));
}
