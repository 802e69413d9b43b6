import { canonicalise } from "../compile/canonicalise/canonicalise.ts";
import { type Linearised, linearise } from "../compile/linearise.ts";
import { operationsOf, type Program } from "../compile/program.ts";
import { programKey } from "../compile/program-key.ts";
import { BackendError, DTypeError, PlaceholderError } from "../errors/errors.ts";
import { type Group, type Node, reachable } from "../node.ts";
import { computesArray, type TensorType } from "../operation.ts";
import { showShape } from "../shape.ts";
import { type Backend, type Block, bytesOn, type Executable, getDefaultBackend } from "./backend.ts";
import { captureSite, smallestWithSite } from "./site.ts";
import { Storage } from "./storage.ts";
import { reserve, withRoom } from "./valve.ts";

const isPending = (node: Node): boolean => node.storage === null;

/** Gives every target a value, with whatever pending groups they rest on, the oldest first. */
export function realise(targets: readonly Node[]): void {
  const pending = targets.filter(isPending);
  if (pending.length === 0) return;
  for (const node of pending) checkHasValue(node);
  for (const group of groupsBelow(pending)) {
    dissolve(group);
    run(group.nodes.filter(isPending));
  }
  run(pending.filter(isPending));
}

/** Makes `nodes` one group: whoever wants one of them gets all of them from the same run. */
export function formGroup(nodes: readonly Node[]): void {
  const pending = nodes.filter(
    (node) => isPending(node) && node.group === null && node.placeholderScope() === undefined,
  );
  if (pending.length < 2) return;
  const group: Group = { id: pending[0]!.id, nodes: pending };
  for (const node of pending) node.group = group;
}

function dissolve(group: Group): void {
  for (const node of group.nodes) node.group = null;
}

function groupsBelow(targets: readonly Node[]): Group[] {
  const groups = new Set<Group>();
  for (const node of reachable(targets, isPending)) if (node.group !== null) groups.add(node.group);
  return [...groups].sort((a, b) => a.id - b.id);
}

function checkHasValue(node: Node): void {
  const scope = node.placeholderScope();
  if (scope === undefined) return;
  throw new PlaceholderError(
    scope.open
      ? `the value of a tensor of shape ${showShape(node.shape)} was asked for inside ${scope.label}, where it stands ` +
          "for an argument and has no value yet. Return what you need and read it outside, replace an if on a value " +
          "by where(condition, a, b), or make the argument static if it decides what to compute."
      : `a tensor of shape ${showShape(node.shape)} escaped from a call of ${scope.label} that has returned: it stands ` +
          `for an argument of that call and never gets a value. Return it from the function given to ${scope.label} ` +
          "instead of assigning it to a variable outside.",
  );
}

function run(targets: readonly Node[]): void {
  if (targets.length === 0) return;
  const bases = targets.map(withoutAliases);
  const wanted = new Set(bases.filter(isPending));
  const nodes = reachable(wanted, isPending);
  for (const node of worthStoring(
    nodes,
    targets.some((t) => t.hasOpenVariable()),
  ))
    wanted.add(node);
  if (wanted.size > 0) {
    const outputs = [...wanted];
    const linearised = linearise(nodes, outputs, (node) => node.storage !== null);
    const storages = linearised.inputs.map((node) => node.storage!);
    const backend = commonBackend(storages);
    const results = execute(backend, prepare(backend, linearised), storages, linearised.scalars, outputs);
    outputs.forEach((node, i) => {
      node.storage = results[i]!;
    });
    for (const node of nodes) node.passedBy = node.storage === null;
    for (const node of outputs) node.dropHistory();
  }
  targets.forEach((target, i) => {
    if (!isPending(target)) return;
    const storage = bases[i]!.storage!;
    storage.shared = true;
    target.storage = storage;
    target.dropHistory();
  });
}

/** The node whose value an alias shares. */
export function withoutAliases(node: Node): Node {
  let base = node;
  while (base.storage === null && base.operation.kernel.kind === "alias") base = base.inputs[0]!;
  return base;
}

/**
 * JavaScript cannot tell a tensor that is held from a temporary, so these are stored beside what was asked for: a
 * node that an earlier run computed and forgot (running averages, hand-written optimizers), a node with consumers
 * outside this run, and, while a call still differentiates, whatever is costly enough that the backward pass should
 * not compute it again.
 */
function worthStoring(nodes: readonly Node[], differentiating: boolean): Node[] {
  const consumersHere = new Map<Node, number>();
  for (const node of nodes) {
    for (const input of node.inputs) consumersHere.set(input, (consumersHere.get(input) ?? 0) + 1);
  }
  return nodes.filter((node) => {
    if (node.outputs !== null || node.inputs.length === 0) return false;
    const { kernel } = node.operation;
    if (!computesArray(kernel)) return false;
    if (node.passedBy || node.consumers > (consumersHere.get(node) ?? 0)) return true;
    return differentiating && kernel.kind !== "elementwise";
  });
}

/** The backend that all stored inputs live on, else the default one. @throws BackendError where they are mixed. */
export function commonBackend(storages: Iterable<Storage>): Backend {
  let backend: Backend | null = null;
  for (const storage of storages) {
    if (storage.backend === null || storage.backend === backend) continue;
    if (backend !== null) {
      throw new BackendError(
        `operands live on two backends, ${backend.name} and ${storage.backend.name}; ` +
          "move one of them first: x.to(backend)",
      );
    }
    backend = storage.backend;
  }
  return backend ?? getDefaultBackend();
}

/** How many compiled programs a backend keeps; the least recently used goes first. */
const mostExecutables = 1_000;

const executables = new WeakMap<Backend, Map<string, Executable>>();

/**
 * Compiles a program for a backend, or finds it compiled: a step that is written eagerly compiles once, however often
 * it runs.
 *
 * @throws DTypeError where the backend lacks a dtype
 */
export function prepare(backend: Backend, { program }: Linearised): Executable {
  let known = executables.get(backend);
  if (known === undefined) {
    known = new Map();
    executables.set(backend, known);
  }
  const key = programKey(program);
  let executable = known.get(key);
  if (executable === undefined) {
    checkDTypes(backend, program);
    executable = withRoom(
      () => backend.compile(canonicalise(program)),
      () => operationsOf(program),
    );
    if (known.size >= mostExecutables) known.delete(known.keys().next().value!);
  } else known.delete(key);
  known.set(key, executable);
  return executable;
}

function checkDTypes({ name, capabilities }: Backend, program: Program): void {
  for (const { dtype } of program.slots) {
    if (capabilities.dtypes.includes(dtype)) continue;
    throw new DTypeError(
      `the backend ${name} has no ${dtype}; it has ${capabilities.dtypes.join(", ")}. ` +
        "Convert with astype, or move to another backend with x.to(backend)",
    );
  }
}

/**
 * Runs a compiled program and returns the storages of its outputs. A donated input that the program writes a result over
 * becomes the storage of that result.
 */
export function execute(
  backend: Backend,
  executable: Executable,
  inputs: readonly Storage[],
  scalars: readonly number[],
  outputs: readonly TensorType[],
): Storage[] {
  const sources = outputs.map((_, i) => executable.donations?.get(i));
  const sizes = outputs.map((type) => bytesOn(backend, type));
  const largest = Math.max(0, ...sizes);
  reserve(sizes.reduce((sum, bytes, i) => sum + (sources[i] === undefined ? bytes : 0), 0));
  const blocks = withRoom(
    () => submit(backend, executable, inputs, scalars, sizes),
    () => operationsOf(executable.program),
  );
  const site = captureSite(largest);
  return outputs.map(({ shape, dtype }, i) => {
    const type = { shape, dtype };
    const ownSite = sizes[i]! < smallestWithSite ? null : site;
    const source = sources[i];
    return source === undefined
      ? Storage.ofBlock(type, backend, blocks[i]!, ownSite)
      : inputs[source]!.become(type, ownSite);
  });
}

/** Allocates what a program needs and hands it over; returns the blocks of its outputs. Where it throws, nothing is kept. */
function submit(
  backend: Backend,
  executable: Executable,
  inputs: readonly Storage[],
  scalars: readonly number[],
  sizes: readonly number[],
): Block[] {
  const inputBlocks = inputs.map((storage) => storage.blockOn(backend));
  const fresh: Block[] = [];
  try {
    const blocks = sizes.map((bytes, i) => {
      const source = executable.donations?.get(i);
      if (source !== undefined) return inputBlocks[source]!;
      const block = backend.alloc(bytes);
      fresh.push(block);
      return block;
    });
    backend.submit(executable, inputBlocks, scalars, blocks);
    return blocks;
  } catch (error) {
    for (const block of fresh) backend.free(block);
    throw error;
  }
}
