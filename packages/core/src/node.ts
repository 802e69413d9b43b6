import type { DType } from "./dtype.ts";
import { DisposedError } from "./errors/errors.ts";
import type { Operation, TensorType } from "./operation.ts";
import type { Storage } from "./runtime/storage.ts";
import type { Shape } from "./shape-types.ts";

/**
 * One call of a transformation. Nodes that depend on the call's variables or placeholders carry its scope, which is
 * how a walk finds them; perturbation confusion cannot happen because two calls never share one.
 *
 * A variable has a value (the grad family); a placeholder has none (vmap, jit, and tangents while they are built).
 */
export class Scope {
  readonly kind: "variable" | "placeholder";
  /** The transformation, as the user wrote it: `vmap`, `jit`. */
  readonly label: string;
  open = true;
  /** Realised nodes whose history must stay until this scope closes. */
  private history: Node[] = [];

  constructor(kind: "variable" | "placeholder", label: string) {
    this.kind = kind;
    this.label = label;
  }

  keepHistory(node: Node): void {
    this.history.push(node);
  }

  /** Ends the call. Realised nodes drop their inputs unless an outer call still differentiates through them. */
  close(): void {
    this.open = false;
    const history = this.history;
    this.history = [];
    for (const node of history) node.dropHistory();
  }
}

/**
 * A function as a graph: what the body of a loop is. Its nodes depend on its parameters and on constants only; whatever
 * else a body uses has become a parameter.
 */
export interface Graph {
  /** Marks the nodes that depend on the parameters. */
  readonly scope: Scope;
  /** Placeholders. */
  readonly parameters: readonly Node[];
  readonly outputs: readonly Node[];
}

/** What an operation that runs graphs has among its attributes. */
export interface GraphAttributes {
  readonly graphs: readonly Graph[];
}

/**
 * Results that one run computes together: reading the loss must not run the forward pass again for the gradients.
 * The group dissolves when it has been realised.
 */
export interface Group {
  readonly id: number;
  readonly nodes: readonly Node[];
}

const noScopes: readonly Scope[] = [];
let nextId = 0;

/**
 * One operation applied to inputs: the only representation above kernels. Ids grow in the order of creation, so
 * sorting by id is a topological order.
 */
export class Node {
  readonly id: number = nextId++;
  readonly operation: Operation;
  attributes: unknown;
  readonly shape: Shape;
  readonly dtype: DType;
  /** For an operation with several outputs, the type of each; such a node is read through `pick` nodes only. */
  outputs: readonly TensorType[] | null;
  /** Empty once the node is realised and no open variable scope needs its history. */
  inputs: readonly Node[];
  /** The union of the inputs' scopes, without closed variable scopes; shared by pointer wherever possible. */
  readonly scopes: readonly Scope[];
  storage: Storage | null = null;
  group: Group | null = null;
  /** Length of the longest pending chain below this node when it was made. */
  readonly depth: number;
  /** How many nodes were built on this one. */
  consumers = 0;
  /** Whether a run computed this node without storing it. */
  passedBy = false;
  /** Why the value is no longer there for new uses: the call that it was donated to, or `dispose()`. */
  gone: string | null = null;

  constructor(
    operation: Operation,
    inputs: readonly Node[],
    attributes: unknown,
    type: TensorType | readonly TensorType[],
    scope?: Scope,
  ) {
    this.operation = operation;
    this.inputs = inputs;
    this.attributes = attributes;
    if (isTuple(type)) {
      this.outputs = type;
      this.shape = type[0]!.shape;
      this.dtype = type[0]!.dtype;
    } else {
      this.outputs = null;
      this.shape = type.shape;
      this.dtype = type.dtype;
    }
    let scopes = noScopes;
    let depth = 0;
    for (const input of inputs) {
      input.consumers++;
      if (input.storage === null && input.depth > depth) depth = input.depth;
      if (input.scopes.length > 0) scopes = unionOfScopes(scopes, input.scopes);
    }
    this.depth = depth + 1;
    this.scopes = scope === undefined ? scopes : [...scopes, scope];
  }

  /** A place in the order of creation: nodes made from now on have this id or a later one. */
  static now(): number {
    return nextId;
  }

  /** Gives a node with several outputs more of them; the indices of those it had stay what they were. */
  extend(attributes: unknown, outputs: readonly TensorType[]): void {
    this.attributes = attributes;
    this.outputs = outputs;
  }

  /** @throws DisposedError when the value was donated or disposed of. */
  checkPresent(): void {
    if (this.gone !== null) throw new DisposedError(this.gone);
  }

  /** Whether this node belongs to a call: one that is still open, or one of placeholders, which never get a value. */
  isInCall(): boolean {
    return this.scopes.some(isRelevant);
  }

  /** Whether a call that is still differentiating depends on this node. */
  hasOpenVariable(): boolean {
    return this.scopes.some((scope) => scope.kind === "variable" && scope.open);
  }

  /** The placeholder scope that keeps this node from having a value, open or leaked. */
  placeholderScope(): Scope | undefined {
    return this.scopes.find((scope) => scope.kind === "placeholder");
  }

  /** Forgets how a stored value came about, as soon as no open call can ask for it. */
  dropHistory(): void {
    if (this.storage === null) return;
    const open = this.scopes.find((scope) => scope.kind === "variable" && scope.open);
    if (open === undefined) this.inputs = [];
    else open.keepHistory(this);
  }
}

const isTuple = (type: TensorType | readonly TensorType[]): type is readonly TensorType[] =>
  Array.isArray(type);

const isRelevant = (scope: Scope): boolean => scope.open || scope.kind === "placeholder";

function unionOfScopes(a: readonly Scope[], b: readonly Scope[]): readonly Scope[] {
  const live = b.every(isRelevant) ? b : b.filter(isRelevant);
  if (a.length === 0 || a === live) return live;
  const missing = live.filter((scope) => !a.includes(scope));
  return missing.length === 0 ? a : [...a, ...missing];
}

/**
 * The nodes that `targets` rest on and that satisfy `within`, in topological order. Iterative, since chains of
 * 20,000 nodes are ordinary; the walk does not pass through a node outside `within`.
 */
export function reachable(targets: Iterable<Node>, within: (node: Node) => boolean): Node[] {
  const found = new Set<Node>();
  const stack: Node[] = [];
  for (const target of targets) {
    if (within(target) && !found.has(target)) {
      found.add(target);
      stack.push(target);
    }
  }
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const input of node.inputs) {
      if (!found.has(input) && within(input)) {
        found.add(input);
        stack.push(input);
      }
    }
  }
  return [...found].sort((a, b) => a.id - b.id);
}
