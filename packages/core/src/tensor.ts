import type { DType, Nested, TypedArray } from "./dtype.ts";
import { ArgumentError, BackendError, PlaceholderError } from "./errors/errors.ts";
import { Node } from "./node.ts";
import type { Backend } from "./runtime/backend.ts";
import { realise } from "./runtime/realise.ts";
import { Storage } from "./runtime/storage.ts";
import { withRoom } from "./runtime/valve.ts";
import { showShape, sizeOf } from "./shape.ts";
import type { Shape } from "./shape-types.ts";

/**
 * An n-dimensional array that is computed when its value is wanted.
 *
 * A tensor is a thin handle on a node of the graph; operations on it build nodes and run nothing. The shape is part of
 * the type where it is known: `Tensor<[2, 3]>` is assignable to `Tensor`. All operations are methods as well as
 * functions of the same name; see `ops/`.
 */
export class Tensor<S extends Shape = Shape> {
  declare readonly shape: S;
  /** The graph node this tensor stands for; for code that extends Amari. */
  readonly node: Node;

  constructor(node: Node) {
    this.node = node;
    (this as { shape: Shape }).shape = node.shape;
  }

  get dtype(): DType {
    return this.node.dtype;
  }

  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The elements in row-major order. @throws PlaceholderError inside vmap and jit. */
  async data(): Promise<TypedArray> {
    return this.storage().read();
  }

  /** The elements as nested arrays; booleans for dtype bool; a bare value for a scalar. */
  async array(): Promise<Nested> {
    return nest(await this.data(), this.shape, this.dtype);
  }

  /** The value of a tensor of one element. @throws ArgumentError for any other size. */
  async item(): Promise<number> {
    this.checkSingle();
    return (await this.data())[0]!;
  }

  /** {@link data}, without waiting. @throws BackendError where the backend can only read asynchronously. */
  dataSync(): TypedArray {
    const storage = this.storage();
    const data = storage.readSync();
    if (data === null) {
      throw new BackendError(
        `the backend ${storage.backend!.name} cannot read synchronously; write await x.data()`,
      );
    }
    return data;
  }

  /** {@link array}, without waiting. */
  arraySync(): Nested {
    return nest(this.dataSync(), this.shape, this.dtype);
  }

  /** {@link item}, without waiting. */
  itemSync(): number {
    this.checkSingle();
    return this.dataSync()[0]!;
  }

  /** Computes the value now, without reading it. Returns this tensor. */
  realise(): this {
    this.storage();
    return this;
  }

  /** The same values on another backend. @throws PlaceholderError inside vmap and jit. */
  async to(backend: Backend): Promise<Tensor<S>> {
    const storage = this.storage();
    if (storage.backend === backend) return this;
    const type = { shape: this.shape, dtype: this.dtype };
    const moved = new Node(dataOperation, [], undefined, type);
    moved.storage = Storage.ofHost(type, await storage.read());
    withRoom(
      () => moved.storage!.blockOn(backend),
      () => `moving a tensor of shape ${showShape(this.shape)}`,
    );
    return new Tensor<S>(moved);
  }

  /**
   * Frees the memory of the value at once instead of when it is collected; never necessary. Later use throws.
   * With `using x = ...` it happens at the end of the block.
   */
  dispose(): void {
    const why = `a tensor of shape ${showShape(this.shape)} was used after dispose()`;
    this.node.gone = why;
    const { storage } = this.node;
    if (storage !== null && !storage.shared) storage.dispose(why);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    const { storage } = this.node;
    const head = `Tensor(${this.dtype}${showShape(this.shape)}`;
    if (storage === null)
      return this.node.placeholderScope() === undefined ? `${head}, pending)` : `${head}, placeholder)`;
    if (this.node.gone !== null || storage.disposed) return `${head}, disposed)`;
    const data = this.size <= 100 ? storage.readSync() : null;
    return data === null ? `${head})` : `${head}, ${JSON.stringify(nest(data, this.shape, this.dtype))})`;
  }

  /** A tensor has no truth value or number: reading is explicit. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new PlaceholderError(
      `${this.toString()} was used as a number; write x.add(y) instead of x + y, and await x.item() to read a value`,
    );
  }

  private storage(): Storage {
    this.node.checkPresent();
    realise([this.node]);
    return this.node.storage!;
  }

  private checkSingle(): void {
    if (this.size !== 1) {
      throw new ArgumentError(
        `item() reads a tensor of one element, this one has shape ${showShape(this.shape)}; ` +
          "use array() or data(), or reduce it first",
      );
    }
  }
}

// Node's console prints a tensor by toString; a computed name has no place in an isolated declaration.
Object.defineProperty(Tensor.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Tensor): string {
    return this.toString();
  },
});

/** The operation of a node that was given its value from outside. */
export const dataOperation = { name: "data", kernel: { kind: "data" } } as const;

/** A tensor whose value is `data`, which is taken over, not copied. */
export function fromData<S extends Shape>(data: TypedArray, shape: S, dtype: DType): Tensor<S> {
  const type = { shape, dtype };
  const node = new Node(dataOperation, [], undefined, type);
  node.storage = Storage.ofHost(type, data);
  return new Tensor<S>(node);
}

/** Nests row-major elements to the rank of `shape`. */
function nest(data: TypedArray, shape: Shape, dtype: DType): Nested {
  const element = (i: number): Nested => (dtype === "bool" ? data[i] !== 0 : data[i]!);
  const build = (axis: number, offset: number, stride: number): Nested => {
    if (axis === shape.length) return element(offset);
    const inner = stride / shape[axis]!;
    return Array.from({ length: shape[axis]! }, (_, i) => build(axis + 1, offset + i * inner, inner));
  };
  return build(0, 0, data.length);
}
