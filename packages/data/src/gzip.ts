import { ArgumentError } from "@amari/core";

/**
 * The bytes inside a gzip file, by the platform's own `DecompressionStream` (Node 18, all browsers).
 *
 * @throws ArgumentError where the bytes are no gzip file or a damaged one
 */
export async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
    return new Uint8Array(
      await new Response(stream.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer(),
    );
  } catch (cause) {
    throw new ArgumentError(
      `gunzip: expected a whole gzip file, which begins with the bytes 1f 8b: ${(cause as Error).message}`,
    );
  }
}
