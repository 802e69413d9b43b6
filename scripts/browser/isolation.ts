import type { Connect, Plugin } from "vite";

/** The request header by which a browser asks for pages that are isolated from other origins. */
export const asksForIsolation = { "X-Isolate": "yes" };

/**
 * Lets one server serve both kinds of pages: those that may share memory with their workers, which takes two headers, and
 * those that may not, as pages are by default. A browser says which by {@link asksForIsolation}.
 */
export const isolation: Plugin = {
  name: "isolation on request",
  configureServer: ({ middlewares }) => {
    // Before all others: those of vitest answer without asking further ones.
    middlewares.stack.unshift({ route: "", handle: addHeaders });
  },
};

const addHeaders: Connect.NextHandleFunction = ({ headers }, response, next) => {
  // Of an isolated page's workers too, whose scripts are asked for without the header. By itself it isolates nothing.
  response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
  if (headers["x-isolate"] !== undefined) response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
  next();
};
