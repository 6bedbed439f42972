/** A file on the Hugging Face hub or a mirror of it: where it is, and what it should be. */
import { ModelError } from '../errors.ts';

export interface HubFile {
  readonly repository: string;
  /** A commit, or a branch. */
  readonly revision: string;
  readonly file: string;
  /** Null where only the hub knows. */
  readonly bytes: number | null;
  readonly sha256: string | null;
}

export const HUB = 'https://huggingface.co';

/**
 * The hub's address: the setting, else HF_ENDPOINT, as for Hugging Face's own tools, else the hub itself.
 *
 * @throws ModelError 'download' for what is no http(s) address
 */
export function hubEndpoint(setting: string | null, env: Readonly<Record<string, string | undefined>>): string {
  const [given, from] = setting ? [setting, 'knack.model.mirror'] : [env.HF_ENDPOINT || HUB, 'HF_ENDPOINT'];
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new ModelError('download', `${from} is “${given}”, which is no http or https address. Correct or clear it.`);
  return given.replace(/\/+$/, '');
}

export function hubFileUrl(endpoint: string, { repository, revision, file }: HubFile): string {
  const path = [...repository.split('/'), 'resolve', revision, ...file.split('/')].map(encodeURIComponent).join('/');
  return `${endpoint}/${path}`;
}

/**
 * Size and SHA-256 of a file. What is pinned here is not asked for; the hub tells the rest in the headers of its
 * redirect (x-linked-size, x-linked-etag), before a byte is downloaded.
 *
 * @throws ModelError 'download' if the hub does not answer or says something else than what is pinned
 */
export async function describeHubFile(
  endpoint: string,
  file: HubFile,
  options: { readonly fetch?: typeof fetch; readonly signal?: AbortSignal } = {},
): Promise<{ bytes: number; sha256: string }> {
  if (file.bytes !== null && file.sha256 !== null) return { bytes: file.bytes, sha256: file.sha256 };
  const url = hubFileUrl(endpoint, file);
  const failed = (why: string): ModelError => new ModelError('download', `${url} ${why}`);
  const response = await (options.fetch ?? fetch)(url, {
    method: 'HEAD',
    redirect: 'manual',
    headers: { 'accept-encoding': 'identity' },
    signal: AbortSignal.any([AbortSignal.timeout(30_000), ...(options.signal ? [options.signal] : [])]),
  }).catch((error: Error) => {
    options.signal?.throwIfAborted();
    const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
    throw failed(`could not be reached: ${error.message}${cause}`);
  });
  if (response.status >= 400) throw failed(`answered ${response.status} ${response.statusText}`.trim());
  const header = (name: string): string => response.headers.get(name) ?? '';
  const bytes = Number(header('x-linked-size') || (response.status === 200 ? header('content-length') : ''));
  const sha256 = /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(header('x-linked-etag') || header('etag'))?.[1];
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || sha256 === undefined)
    throw failed('does not tell the file’s size and SHA-256, without which Knack downloads nothing');
  if (file.bytes !== null && file.bytes !== bytes) throw failed(`has ${bytes} bytes, and ${file.bytes} are expected`);
  if (file.sha256 !== null && file.sha256 !== sha256) throw failed(`has the SHA-256 ${sha256}, not ${file.sha256}`);
  return { bytes, sha256 };
}
