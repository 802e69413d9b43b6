import { type Linearised, linearise } from "../compile/linearise.ts";
import { ArgumentError, DisposedError, PlaceholderError } from "../errors/errors.ts";
import { Node, reachable, Scope } from "../node.ts";
import type { Operation } from "../operation.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import { commonBackend, execute, prepare, realise, withoutAliases } from "../runtime/realise.ts";
import { departed, type Storage } from "../runtime/storage.ts";
import { sameShape, showShape } from "../shape.ts";
import { dataOperation, Tensor } from "../tensor.ts";
import { type Flat, flatten, type TreeStructure, treeLeaves } from "../tree.ts";
import { substitute } from "./rebuild.ts";
import { checkFunction, checkSynchronous, isIn, placeholder, storeArguments } from "./scope.ts";
import type { Jit } from "./signatures.ts";

/** Options of {@link jit}. */
export interface JitOptions {
  /** Arguments whose storage the call may reuse for its results: reading them afterwards throws. */
  readonly donate?: readonly number[];
  /** Arguments that are part of the program instead of its inputs: the function is traced anew for each value. */
  readonly static?: readonly number[];
  /** How many traces are kept; the least recently used is dropped. Default 64. */
  readonly cacheSize?: number;
}

/** What tracing a function for one structure of arguments left behind. */
interface Trace {
  readonly scope: Scope;
  readonly placeholders: readonly Tensor[];
  readonly outputs: readonly Node[];
  readonly structure: TreeStructure;
  /** `null` where the function closes over a variable or placeholder of an outer call; then it is inlined. */
  readonly program: Linearised | null;
}

/** A trace, and how arguments of its structure become the inputs of its program. */
interface Compiled extends Trace {
  readonly program: Linearised;
  /** For each input of the program, the number of the argument's leaf that it is, or the node that it closes over. */
  readonly sources: readonly (number | Node)[];
  /** The nodes among them. */
  readonly captured: readonly Node[];
  /** For each output, the number of the leaf that it hands back as it came, or -1. */
  readonly passed: readonly number[];
  /** The leaves that are donated, which of the program's inputs they are, and the leaves that are not. */
  readonly donated: readonly number[];
  readonly gifts: readonly number[];
  readonly kept: readonly number[];
  readonly executables: Map<Backend, Executable>;
  /** Those that overwrite what is donated. */
  readonly overwriting: Map<Backend, Executable>;
}

/** A trace under the structure of arguments that it is for. */
interface Entry {
  readonly key: string;
  readonly structure: TreeStructure;
  readonly statics: TreeStructure;
  readonly trace: Trace | Compiled;
}

/**
 * Compiles a function: it is called once for each structure of its arguments (shapes, dtypes, tree, and the values of
 * numbers and strings among them), with placeholders, and what it did is kept as one program. Tensors that it closes
 * over are fixed at that call, as in JAX. Inside another transformation a jitted function is inlined.
 *
 * @example const step = jit((p, s, x, y) => ..., { donate: [0, 1] });
 * @throws PlaceholderError where the function reads a value
 * @throws ArgumentError where it is async or calls itself with the same structure
 */
export const jit: Jit = ((f: (...args: never[]) => unknown, options: JitOptions = {}) => {
  checkFunction(f, "jit");
  const { donate = [], static: statics = [], cacheSize = 64 } = options;
  const label = f.name === "" ? "jit" : `jit(${f.name})`;
  /** In the order of their last use. */
  const entries = new Map<string, Entry | "tracing">();
  let latest: Entry | null = null;

  const entryFor = (args: readonly unknown[], dynamic: readonly unknown[], fixed: readonly unknown[]) => {
    const flat = flatten(dynamic);
    const { structure: staticStructure } = flatten(fixed);
    const key = keyOf(flat, staticStructure);
    let entry = entries.get(key);
    if (entry === "tracing") {
      throw new ArgumentError(
        `${label} calls itself with arguments of the same structure, which would never end`,
      );
    }
    if (entry === undefined) {
      entries.set(key, "tracing");
      try {
        const trace = traceFunction(f, args, statics, flat, label);
        const { program } = trace;
        const compiled =
          program === null ? trace : bindArguments(trace, program, donatedLeaves(dynamic, donate));
        entry = { key, structure: flat.structure, statics: staticStructure, trace: compiled };
      } finally {
        entries.delete(key);
      }
    } else entries.delete(key);
    // A function that closes over an open call means something else in the next one.
    if (entry.trace.program !== null) {
      entries.set(key, entry);
      if (entries.size > cacheSize) entries.delete(entries.keys().next().value!);
      latest = entry;
    }
    return { entry, leaves: flat.leaves };
  };

  return (...args: unknown[]): unknown => {
    const fixed = statics.map((i) => args[i]);
    const dynamic = statics.length === 0 ? args : args.map((arg, i) => (statics.includes(i) ? null : arg));
    // Steps of a loop have the structure of the one before: then there is no key to build.
    const alike = latest === null ? null : leavesLike(latest, dynamic, fixed);
    const { entry, leaves } =
      alike === null ? entryFor(args, dynamic, fixed) : { entry: latest!, leaves: alike };
    const { trace } = entry;
    for (const { node } of leaves) node.checkPresent();
    if (!isCompiled(trace) || leaves.some(({ node }) => node.isInCall())) return inline(trace, leaves);
    return run(trace, leaves, label);
  };
}) as unknown as Jit;

const isCompiled = (trace: Trace | Compiled): trace is Compiled => trace.program !== null;

function keyOf({ leaves, structure }: Flat, statics: TreeStructure): string {
  const types = leaves.map(({ dtype, shape }) => `${dtype}${shape.join(",")}`).join(";");
  return `${structure.key}|${types}|${statics.key}`;
}

/** The leaves of arguments that an entry is for, or null. */
function leavesLike(
  { structure, statics, trace }: Entry,
  dynamic: readonly unknown[],
  fixed: readonly unknown[],
): readonly Tensor[] | null {
  const leaves = structure.leavesOf(dynamic);
  if (leaves === null || (fixed.length > 0 && statics.leavesOf(fixed) === null)) return null;
  const { placeholders } = trace;
  for (let i = 0; i < leaves.length; i++) {
    const [{ node }, { node: expected }] = [leaves[i]!, placeholders[i]!];
    if (node.dtype !== expected.dtype || !sameShape(node.shape, expected.shape)) return null;
  }
  return leaves;
}

/** The numbers of the leaves that belong to donated arguments; static ones have none. */
function donatedLeaves(dynamic: readonly unknown[], donate: readonly number[]): readonly number[] {
  const counts = dynamic.map((arg) => treeLeaves(arg).length);
  return counts.flatMap((count, i) => {
    if (!donate.includes(i)) return [];
    const before = counts.slice(0, i).reduce((a, b) => a + b, 0);
    return Array.from({ length: count }, (_, leaf) => before + leaf);
  });
}

/** Calls a function once with placeholders for its tensors; what it does is kept. */
export function traceFunction(
  f: (...args: never[]) => unknown,
  args: readonly unknown[],
  statics: readonly number[],
  dynamic: Flat,
  label: string,
): Trace {
  const scope = new Scope("placeholder", label);
  const placeholders = dynamic.leaves.map((leaf) => placeholder(leaf.node, scope));
  const given = dynamic.structure.rebuild(placeholders) as unknown[];
  const call = f as unknown as (...args: readonly unknown[]) => unknown;
  let result: unknown;
  try {
    result = call(...given.map((arg, i) => (statics.includes(i) ? args[i] : arg)));
  } finally {
    scope.close();
  }
  checkSynchronous(result, "jit");
  const { leaves, structure } = flatten(result);
  const outputs = leaves.map(({ node }) => node);
  const program = closesOverACall(outputs, scope) ? null : programOf(outputs, placeholders, scope);
  return { scope, placeholders, outputs, structure, program };
}

/** Finds once what every call would look for: where the inputs of the program come from. */
function bindArguments(trace: Trace, program: Linearised, donated: readonly number[]): Compiled {
  const leafOf = new Map(trace.placeholders.map(({ node }, leaf) => [node, leaf]));
  const sources = program.inputs.map((node) => leafOf.get(node) ?? node);
  const isDonated = new Set(donated);
  return {
    ...trace,
    program,
    sources,
    captured: sources.filter((source) => typeof source !== "number"),
    passed: trace.outputs.map((output) => {
      const leaf = leafOf.get(withoutAliases(output)) ?? -1;
      return isDonated.has(leaf) ? -1 : leaf;
    }),
    donated,
    gifts: sources.flatMap((source, input) =>
      typeof source === "number" && isDonated.has(source) ? [input] : [],
    ),
    kept: trace.placeholders.flatMap((_, leaf) => (isDonated.has(leaf) ? [] : [leaf])),
    executables: new Map(),
    overwriting: new Map(),
  };
}

/** Whether the graph depends on a call other than this trace. @throws PlaceholderError for one that has returned */
function closesOverACall(outputs: readonly Node[], scope: Scope): boolean {
  let closesOver = false;
  for (const node of reachable(outputs, (n) => n.scopes.length > 0)) {
    for (const other of node.scopes) {
      if (other === scope) continue;
      if (other.kind === "placeholder" && !other.open) {
        throw new PlaceholderError(
          `a tensor that escaped from a call of ${other.label} was used inside ${scope.label}; return it instead`,
        );
      }
      if (other.open) closesOver = true;
    }
  }
  return closesOver;
}

/** The program of a trace. What it closes over is given its value now and becomes an input. */
function programOf(outputs: readonly Node[], placeholders: readonly Tensor[], scope: Scope): Linearised {
  const inTrace = isIn(scope);
  const traced = reachable(outputs, inTrace);
  const captured = new Set<Node>(outputs.filter((node) => !inTrace(node)));
  for (const node of traced) for (const input of node.inputs) if (!inTrace(input)) captured.add(input);
  realise([...captured].filter(restsOnData));
  const isInput = (node: Node) => node.storage !== null || node.operation.kernel.kind === "placeholder";
  const nodes = reachable(
    [...outputs, ...placeholders.map(({ node }) => node)],
    (node) => !isInput(node) || outputs.includes(node),
  );
  return linearise(nodes, outputs, isInput);
}

/** Whether a node is computed from stored values, not only from constants and indices. */
const restsOnData = (node: Node): boolean =>
  reachable([node], () => true).some(({ storage }) => storage !== null);

/** The traced graph on other arguments, inside an outer call that differentiates or batches through it. */
function inline(trace: Trace, leaves: readonly Tensor[]): unknown {
  const values = new Map(trace.placeholders.map((p, i) => [p.node, leaves[i]!]));
  return trace.structure.rebuild(substitute(trace.outputs, values, trace.scope));
}

function run(trace: Compiled, leaves: readonly Tensor[], label: string): unknown {
  const { program, sources, captured, passed, outputs } = trace;
  storeArguments(leaves);
  const donated = trace.donated.map((leaf) => leaves[leaf]!.node);
  checkDonated(donated, captured, label);
  const storages = sources.map(
    (source): Storage => (typeof source === "number" ? leaves[source]!.node : source).storage!,
  );
  const backend = commonBackend(storages);
  const gifts = mayOverwrite(trace, donated, leaves) ? trace.gifts : [];
  const executables = gifts.length > 0 ? trace.overwriting : trace.executables;
  let executable = executables.get(backend);
  if (executable === undefined)
    executables.set(backend, (executable = prepare(backend, donating(program, gifts))));
  const results = execute(backend, executable, storages, program.scalars, outputs);
  const tensors = outputs.map((output, i) => {
    const argument = leaves[passed[i]!];
    if (argument !== undefined) return argument;
    const node = new Node(dataOperation as Operation, [], undefined, {
      shape: output.shape,
      dtype: output.dtype,
    });
    node.storage = results[i]!;
    return new Tensor(node);
  });
  giveAway(donated, new Set(results), label);
  return trace.structure.rebuild(tensors);
}

/** @throws DisposedError, before anything runs, for an argument that cannot be given away */
function checkDonated(donated: readonly Node[], captured: readonly Node[], label: string): void {
  if (donated.length === 0) return;
  const closedOver = new Set(captured.map(({ storage }) => storage));
  const seen = new Set<Storage>();
  for (const node of donated) {
    const storage = node.storage!;
    if (closedOver.has(storage)) {
      throw new DisposedError(
        `${label}: a donated argument of shape ${showShape(node.shape)} is also closed over by the function; pass it once`,
      );
    }
    if (seen.has(storage)) {
      throw new DisposedError(
        `${label}: an argument of shape ${showShape(node.shape)} was donated twice in one call; ` +
          "leave one of them out of donate",
      );
    }
    seen.add(storage);
  }
}

/** Whether nothing but this call reads what is donated, and the call only as what is donated. */
function mayOverwrite({ kept }: Compiled, donated: readonly Node[], leaves: readonly Tensor[]): boolean {
  if (!donated.every(isFree)) return false;
  const storages = new Set(donated.map(({ storage }) => storage));
  return kept.every((leaf) => !storages.has(leaves[leaf]!.node.storage));
}

/** Marks donated arguments as gone and frees what no result took over, unless a pending node may still read them. */
function giveAway(donated: readonly Node[], results: ReadonlySet<Storage>, label: string): void {
  for (const node of donated) {
    const { shape, storage } = node;
    node.gone =
      `a tensor of shape ${showShape(shape)} was used after it was donated to ${label}; ` +
      "use the result of that call instead, or leave the argument out of donate";
    if (!isFree(node)) continue;
    node.storage = departed;
    if (!results.has(storage!)) storage!.dispose(node.gone);
  }
}

/** Whether nothing else can read the storage of a donated argument. */
const isFree = ({ consumers, storage }: Node): boolean => consumers === 0 && !storage!.shared;

const donating = (linearised: Linearised, donated: readonly number[]): Linearised =>
  donated.length === 0 ? linearised : { ...linearised, program: { ...linearised.program, donated } };
