import { type Linearised, linearise } from "../compile/linearise.ts";
import { ArgumentError, DisposedError, PlaceholderError } from "../errors/errors.ts";
import { Node, reachable, Scope } from "../node.ts";
import type { Operation } from "../operation.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import { commonBackend, execute, prepare, realise, withoutAliases } from "../runtime/realise.ts";
import type { Storage } from "../runtime/storage.ts";
import { showShape } from "../shape.ts";
import { dataOperation, Tensor } from "../tensor.ts";
import { type Flat, flatten, type TreeStructure } from "../tree.ts";
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
  readonly executables: Map<Backend, Executable>;
  /** Those that overwrite what is donated. */
  readonly overwriting: Map<Backend, Executable>;
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
  const traces = new Map<string, Trace | "tracing">();

  return (...args: unknown[]): unknown => {
    const dynamic = flatten(args.map((arg, i) => (statics.includes(i) ? null : arg)));
    const key = keyOf(
      dynamic,
      args.filter((_, i) => statics.includes(i)),
    );
    let trace = traces.get(key);
    if (trace === "tracing") {
      throw new ArgumentError(
        `${label} calls itself with arguments of the same structure, which would never end`,
      );
    }
    if (trace === undefined) {
      traces.set(key, "tracing");
      try {
        trace = traceFunction(f, args, statics, dynamic, label);
      } finally {
        traces.delete(key);
      }
    } else traces.delete(key);
    if (trace.program !== null) {
      traces.set(key, trace);
      if (traces.size > cacheSize) traces.delete(traces.keys().next().value!);
    }
    for (const { node } of dynamic.leaves) node.checkPresent();
    if (trace.program === null || dynamic.leaves.some(({ node }) => node.isInCall()))
      return inline(trace, dynamic.leaves);
    const donated = donate.flatMap((argnum) => (argnum < args.length ? flatten(args[argnum]).leaves : []));
    return run(trace, trace.program, dynamic.leaves, donated, label);
  };
}) as unknown as Jit;

function keyOf({ leaves, structure }: Flat, statics: readonly unknown[]): string {
  const types = leaves.map(({ dtype, shape }) => `${dtype}${shape.join(",")}`).join(";");
  return `${structure.key}|${types}|${flatten(statics).structure.key}`;
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
  return {
    scope,
    placeholders,
    outputs,
    structure,
    program,
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

function run(
  trace: Trace,
  linearised: Linearised,
  leaves: readonly Tensor[],
  donated: readonly Tensor[],
  label: string,
): unknown {
  storeArguments(leaves);
  checkDonated(donated, linearised, label);
  const given = new Map(trace.placeholders.map((p, i) => [p.node, leaves[i]!]));
  const storages = linearised.inputs.map((node): Storage => (given.get(node)?.node ?? node).storage!);
  const backend = commonBackend(storages);
  const gifts = donated.every(({ node }) => isFree(node)) ? inputsOf(donated, linearised, given) : [];
  const executables = gifts.length > 0 ? trace.overwriting : trace.executables;
  let executable = executables.get(backend);
  if (executable === undefined)
    executables.set(backend, (executable = prepare(backend, donating(linearised, gifts))));
  const results = execute(backend, executable, storages, linearised.scalars, trace.outputs);
  const tensors = trace.outputs.map((output, i) => {
    const argument = given.get(withoutAliases(output));
    if (argument !== undefined && !donated.includes(argument)) return argument;
    const node = new Node(dataOperation as Operation, [], undefined, {
      shape: output.shape,
      dtype: output.dtype,
    });
    node.storage = results[i]!;
    return new Tensor(node);
  });
  giveAway(donated, label);
  return trace.structure.rebuild(tensors);
}

/** @throws DisposedError, before anything runs, for an argument that cannot be given away */
function checkDonated(donated: readonly Tensor[], { inputs }: Linearised, label: string): void {
  const seen = new Set<Storage>();
  for (const { node } of donated) {
    const storage = node.storage!;
    if (inputs.some((input) => input.storage === storage)) {
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

/** Marks donated arguments as gone and frees them, unless a pending node may still read them. */
function giveAway(donated: readonly Tensor[], label: string): void {
  for (const { node } of donated) {
    node.gone =
      `a tensor of shape ${showShape(node.shape)} was used after it was donated to ${label}; ` +
      "use the result of that call instead, or leave the argument out of donate";
    if (isFree(node)) node.storage!.dispose(node.gone);
  }
}

/** Whether nothing else can read the storage of a donated argument. */
const isFree = ({ consumers, storage }: Node): boolean => consumers === 0 && !storage!.shared;

/** The inputs of a program that donated arguments are. */
function inputsOf(
  donated: readonly Tensor[],
  { inputs }: Linearised,
  given: ReadonlyMap<Node, Tensor>,
): readonly number[] {
  const storages = inputs.map((node) => (given.get(node)?.node ?? node).storage);
  const isOnly = (index: number) => storages.every((s, other) => other === index || s !== storages[index]);
  return inputs.flatMap((node, index) =>
    donated.includes(given.get(node)!) && isOnly(index) ? [index] : [],
  );
}

const donating = (linearised: Linearised, donated: readonly number[]): Linearised =>
  donated.length === 0 ? linearised : { ...linearised, program: { ...linearised.program, donated } };
