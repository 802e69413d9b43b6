/** Where in the user's code something was made; formatted only when asked for, since a stack is costly to print. */
export type Site = { readonly stack?: string };

const framesKept = 12;

/** What V8 adds to Error; other engines have none of it. */
interface StackCapture {
  stackTraceLimit?: number;
  captureStackTrace?(target: object, below: unknown): void;
}

/** Remembers the current call stack. Costs about 2 us, so it is done for storages, not for every node. */
export function captureSite(): Site {
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
export function forgetReceivers(site: Site): void {
  void site.stack;
}

// The folder of a package's sources or its build, so that frames of Amari itself can be told from the user's.
// Frames without a place, such as those of built-in functions, say nothing either.
const ownFrame =
  /<anonymous>|[/\\](?:packages|@amari|amari)[/\\](?:[\w-]+[/\\])?(?:src|dist)[/\\]|node:internal/;

/** The innermost frame outside Amari, as `function (file:line:column)`. */
export function showSite(site: Site): string {
  const frames = (site.stack ?? "")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().replace(/^at /, ""));
  return frames.find((frame) => !ownFrame.test(frame)) ?? frames.at(-1) ?? "unknown place";
}
