import { dirname, posix } from "node:path";
import { parseSync, Visitor } from "oxc-parser";

/** One import of one file, as written. */
export interface Import {
  readonly from: string;
  readonly specifier: string;
  /** Erased by the compiler: nothing of it is left at run time. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** An import whose target is a file of this repository. */
export interface Edge extends Import {
  readonly to: string;
}

/** Everything in a file that names another module: import, export from, import(), import types, augmentations. */
export function importsOf(path: string, text: string): Import[] {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);

  const found: Import[] = [];
  const add = (source: unknown, start: number, typeOnly: boolean): void => {
    const specifier = (source as { value?: unknown } | null)?.value;
    if (typeof specifier !== "string") return;
    const line = text.slice(0, start).split("\n").length;
    found.push({ from: path, specifier, typeOnly, line });
  };
  const allTypes = (kinds: readonly (string | undefined)[]): boolean =>
    kinds.length > 0 && kinds.every((kind) => kind === "type");

  new Visitor({
    ImportDeclaration(node) {
      const kinds = node.specifiers.map((s) => (s.type === "ImportSpecifier" ? s.importKind : "value"));
      add(node.source, node.start, node.importKind === "type" || allTypes(kinds));
    },
    ExportNamedDeclaration(node) {
      const kinds = node.specifiers.map((s) => s.exportKind);
      add(node.source, node.start, node.exportKind === "type" || allTypes(kinds));
    },
    ExportAllDeclaration(node) {
      add(node.source, node.start, node.exportKind === "type");
    },
    ImportExpression(node) {
      add(node.source, node.start, false);
    },
    TSImportType(node) {
      add(node.source, node.start, true);
    },
    TSModuleDeclaration(node) {
      if (node.id.type === "Literal") add(node.id, node.start, true);
    },
  }).visit(program);
  return found;
}

/** The file that a relative specifier names. */
export function relativeTarget(from: string, specifier: string): string {
  return posix.normalize(posix.join(dirname(from), specifier));
}

/** `@amari/core/shape` is `["@amari/core", "./shape"]`, `vite` is `["vite", "."]`. */
export function splitSpecifier(specifier: string): [name: string, subpath: string] {
  const parts = specifier.split("/");
  const length = specifier.startsWith("@") ? 2 : 1;
  return [parts.slice(0, length).join("/"), [".", ...parts.slice(length)].join("/")];
}

/** The knots of a graph, each as one shortest cycle through it (Tarjan's strongly connected components). */
export function cycles(edges: readonly Edge[]): Edge[][] {
  const out = new Map<string, Edge[]>();
  for (const edge of edges) out.set(edge.from, [...(out.get(edge.from) ?? []), edge]);

  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: Edge[][] = [];

  const visit = (file: string): void => {
    const own = index.size;
    index.set(file, own);
    low.set(file, own);
    stack.push(file);
    for (const { to } of out.get(file) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(file, Math.min(low.get(file)!, low.get(to)!));
    }
    if (low.get(file) !== own) return;
    const component = new Set(stack.splice(stack.indexOf(file)));
    const cycle = shortestCycle(component, out);
    if (cycle) found.push(cycle);
  };
  for (const file of out.keys()) if (!index.has(file)) visit(file);
  return found;
}

function shortestCycle(component: ReadonlySet<string>, out: ReadonlyMap<string, Edge[]>): Edge[] | undefined {
  let best: Edge[] | undefined;
  for (const start of component) {
    const queue: Edge[][] = [[]];
    const seen = new Set<string>();
    for (let path = queue.shift(); path; path = queue.shift()) {
      const at = path.at(-1)?.to ?? start;
      if (path.length > 0 && at === start) {
        if (!best || path.length < best.length) best = path;
        break;
      }
      if (seen.has(at)) continue;
      seen.add(at);
      for (const edge of out.get(at) ?? []) if (component.has(edge.to)) queue.push([...path, edge]);
    }
  }
  return best;
}
