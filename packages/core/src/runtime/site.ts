/** Where in the user's code something was made; formatted only when asked for, since a stack is costly to print. */
export type Site = { readonly stack?: string };

const framesKept = 12;

/** What V8 adds to Error; other engines have none of it. */
interface StackCapture {
  stackTraceLimit?: number;
  captureStackTrace?(target: object, below: unknown): void;
}

/**
 * Storages of so many bytes and more remember where they were made. A stack costs some microseconds to capture and more
 * to format, which each collection does to all that are live; and small storages are many.
 */
export const smallestWithSite = 16_384;

/** Remembers the current call stack for a storage of so many bytes; null where it is small. */
export function captureSite(bytes: number): Site | null {
  if (bytes < smallestWithSite) return null;
  const capture = Error as StackCapture;
  const site: Site = {};
  if (capture.captureStackTrace === undefined) return site;
  const limit = capture.stackTraceLimit;
  capture.stackTraceLimit = framesKept;
  capture.captureStackTrace(site, captureSite);
  if (limit !== undefined) capture.stackTraceLimit = limit;
  return site;
}

/** Lets go of the receivers of the frames, which V8 keeps alive until the stack is formatted. */
export function forgetReceivers(site: Site | null): void {
  void site?.stack;
}

// The folder of a package's sources or its build, so that frames of Amari itself can be told from the user's.
// Frames without a place, such as those of built-in functions, say nothing either.
const ownFrame =
  /<anonymous>|[/\\](?:packages|@amari|amari)[/\\](?:[\w-]+[/\\])?(?:src|dist)[/\\]|node:internal/;

/** The innermost frame outside Amari, as `function (file:line:column)`; for small storages, that they are small. */
export function showSite(site: Site | null): string {
  if (site === null) return `places not kept, since each is smaller than ${smallestWithSite} bytes`;
  const frames = (site.stack ?? "")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().replace(/^at /, ""));
  return frames.find((frame) => !ownFrame.test(frame)) ?? frames.at(-1) ?? "unknown place";
}
