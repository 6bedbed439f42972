/** An HTTP server on 127.0.0.1 that serves one file, well or badly. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface FileServer {
  readonly url: string;
  /** What was asked: path and Range header. */
  readonly requests: { path: string; range: string | undefined }[];
  /** Answers in turn; the last one is used on. */
  answers: Answer[];
  close(): Promise<void>;
}

export async function startServer(): Promise<FileServer> {
  const requests: FileServer['requests'] = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', range: request.headers.range });
    const answer = self.answers.length > 1 ? self.answers.shift()! : self.answers[0]!;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: FileServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answers: [status(500)],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return self;
}

/** The file, whole or the range that was asked for. */
export function serve(data: Uint8Array): Answer {
  return (request, response) => {
    const from = rangeStart(request);
    if (from === null) {
      response.writeHead(200, { 'content-length': data.length }).end(data);
    } else if (from >= data.length) {
      response.writeHead(416).end();
    } else {
      response
        .writeHead(206, {
          'content-range': `bytes ${from}-${data.length - 1}/${data.length}`,
          'content-length': data.length - from,
        })
        .end(data.subarray(from));
    }
  };
}

/**
 * As `serve`, but only up to the file's byte `end`; the connection breaks once the client has those bytes: `arrived`
 * resolves then. (A client may drop what it has not read when a connection breaks.)
 */
export function breakAt(data: Uint8Array, end: number, arrived: (bytes: number) => Promise<void>): Answer {
  return (request, response) => {
    const from = rangeStart(request) ?? 0;
    const range = { 'content-range': `bytes ${from}-${data.length - 1}/${data.length}` };
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': data.length - from, ...(from > 0 ? range : {}) });
    response.write(data.subarray(from, end));
    arrived(end).then(() => response.destroy());
  };
}

/** Sends up to byte `end` and then nothing, with the connection open. */
export function stallAt(data: Uint8Array, end: number): Answer {
  return (request, response) => {
    const from = rangeStart(request) ?? 0;
    response.writeHead(
      from > 0 ? 206 : 200,
      from > 0 ? { 'content-range': `bytes ${from}-${data.length - 1}/${data.length}` } : {},
    );
    response.write(data.subarray(from, Math.max(from, end)));
  };
}

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (_, response) => void response.writeHead(code, headers).end('no');
}

function rangeStart(request: IncomingMessage): number | null {
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  return from === undefined ? null : Number(from);
}
