import { bytesOfElements, bytesPerElement, elementsOfBytes, type TypedArray, viewBytes } from "../dtype.ts";
import { DisposedError } from "../errors/errors.ts";
import type { TensorType } from "../operation.ts";
import { sizeOf } from "../shape.ts";
import { type Backend, type Block, bytesOn } from "./backend.ts";
import { captureSite, type Site } from "./site.ts";

/**
 * The account of one storage. It outlives the storage, which is how the block of a collected storage is found and
 * freed; so it must not refer to the storage strongly. A call stack would: V8 keeps the receivers of its frames.
 */
export interface Account {
  readonly bytes: number;
  readonly owner: WeakRef<Storage>;
  backend: Backend | null;
  block: Block | null;
}

/** Every storage that has not been freed, including those that are unreachable but not yet collected. */
export const accounts: Set<Account> = new Set<Account>();

let liveBytes = 0;

/** Bytes of all accounts. */
export const totalBytes = (): number => liveBytes;

const collected = new FinalizationRegistry<Account>(release);

/** Frees the block of an account and closes it; does nothing the second time. */
export function release(account: Account): void {
  if (!accounts.delete(account)) return;
  // Inside synchronous code no finalizer runs, and the registry would keep the account for one that never comes.
  collected.unregister(account);
  liveBytes -= account.bytes;
  if (account.block !== null) account.backend!.free(account.block);
  account.block = null;
}

/** The value of one tensor: host data not yet placed, a block of a backend, or both. */
export class Storage {
  /** Whether several nodes have this value, so that giving one of them away must not free it. */
  shared = false;
  private elements: TensorType;
  private madeAt: Site | null;
  private readonly account: Account;
  private host: TypedArray | null;
  private gone: string | null = null;

  private constructor(
    type: TensorType,
    site: Site | null,
    bytes: number,
    host: TypedArray | null,
    backend: Backend | null,
    block: Block | null,
  ) {
    this.elements = type;
    this.madeAt = site;
    this.host = host;
    this.account = { bytes, owner: new WeakRef(this), backend, block };
    accounts.add(this.account);
    liveBytes += bytes;
    collected.register(this, this.account, this.account);
  }

  /** Host data, on no backend yet. The array is taken over, not copied. */
  static ofHost(type: TensorType, data: TypedArray): Storage {
    return new Storage(type, captureSite(data.byteLength), data.byteLength, data, null, null);
  }

  /** A block that a program has been asked to fill. */
  static ofBlock(type: TensorType, backend: Backend, block: Block, site: Site | null): Storage {
    return new Storage(type, site, block.bytes, null, backend, block);
  }

  /** The backend that the value lives on; `null` for host data that no program has used yet. */
  get backend(): Backend | null {
    return this.account.backend;
  }

  get bytes(): number {
    return this.account.bytes;
  }

  get type(): TensorType {
    return this.elements;
  }

  /** Where it was made; null for a small one. */
  get site(): Site | null {
    return this.madeAt;
  }

  /** The block on `backend`, written there first if the value is only on the host. */
  blockOn(backend: Backend): Block {
    this.checkAlive();
    if (this.account.block === null) {
      const bytes = placed(this.host!, this.type, backend);
      const block = backend.alloc(bytes.byteLength);
      backend.write(block, bytes);
      this.account.backend = backend;
      this.account.block = block;
      this.host = null;
    }
    return this.account.block!;
  }

  /** A copy of the elements. */
  async read(): Promise<TypedArray> {
    this.checkAlive();
    if (this.host !== null) return this.host.slice();
    const { backend, block } = this.account;
    return elementsIn(await backend!.read(block!), this.type, backend!);
  }

  /** A copy of the elements, or `null` where the backend cannot read synchronously. */
  readSync(): TypedArray | null {
    this.checkAlive();
    if (this.host !== null) return this.host.slice();
    const { backend, block } = this.account;
    const bytes = backend!.readSync?.(block!);
    return bytes === undefined ? null : elementsIn(bytes, this.type, backend!);
  }

  /** Frees the memory. Later use throws a DisposedError that says `why`. */
  dispose(why: string): void {
    if (this.gone !== null) return;
    this.gone = why;
    this.host = null;
    release(this.account);
  }

  /**
   * Becomes the storage of a result that a program has written over this value. Its account stays open: an engine needs
   * longer to watch a new object than many programs take.
   */
  become(type: TensorType, site: Site | null): this {
    this.elements = type;
    this.madeAt = site;
    return this;
  }

  get disposed(): boolean {
    return this.gone !== null;
  }

  /** @throws DisposedError after {@link dispose}. */
  checkAlive(): void {
    if (this.gone !== null) throw new DisposedError(this.gone);
  }
}

/** Whether a backend keeps elements, bools, in a word each. */
const isWide = ({ shape, dtype }: TensorType, backend: Backend): boolean =>
  bytesOn(backend, { shape, dtype }) > sizeOf(shape) * bytesPerElement(dtype);

/** Elements as a backend keeps them. */
const placed = (data: TypedArray, type: TensorType, backend: Backend): Uint8Array =>
  isWide(type, backend)
    ? bytesOfElements("uint32", Uint32Array.from(data))
    : bytesOfElements(type.dtype, data);

/** The elements that a backend keeps so. */
function elementsIn(bytes: Uint8Array, type: TensorType, backend: Backend): TypedArray {
  const size = sizeOf(type.shape);
  return isWide(type, backend)
    ? Uint8Array.from(viewBytes("uint32", bytes).subarray(0, size))
    : elementsOfBytes(type.dtype, bytes).subarray(0, size);
}

/** What a donated tensor has when its storage has become another's: nothing. */
export const departed: Storage = Storage.ofHost({ shape: [0], dtype: "int32" }, new Int32Array(0));
departed.dispose("the value was donated");
