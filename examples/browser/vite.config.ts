import { defaultClientConditions, defineConfig } from "vite";

/** Isolated from other origins, the page may share memory with workers: the CPU backend has threads. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  resolve: { conditions: ["@amari/source", ...defaultClientConditions] },
  build: { target: "es2023" },
  preview: { headers },
  server: { headers },
});
