import {
  type Blocking,
  defaultBlocking,
  type MatmulKind,
  workspaceBytes,
} from "../../src/matmul/blocking.ts";
import { emitMatmul } from "../../src/matmul/gemm.ts";
import type { MatmulDType } from "../../src/matmul/vector-type.ts";
import { compileModule } from "../../src/wasm/compile.ts";
import { ModuleBuilder } from "../../src/wasm/module.ts";

/** Blocks so small that products of a few rows have several in each dimension. */
export const tinyBlocking: Blocking = {
  depth: 7,
  rows: 12,
  columns: 16,
  smallRows: 0,
  near: 2 ** 30,
  smallColumns: 0,
};

/** Never packs what need not be packed. */
export const unpackedBlocking: Blocking = { ...tinyBlocking, columns: 40, smallRows: 1e6, smallColumns: 1e6 };

/** A matrix as a view: `data[offset + i * rowStride + j * columnStride]`. */
export interface View {
  readonly rows: number;
  readonly columns: number;
  readonly data: readonly number[];
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

export function element({ data, offset, rowStride, columnStride }: View, i: number, j: number): number {
  return data[offset + i * rowStride + j * columnStride]!;
}

/** Numbers of both signs that float32 represents exactly, from a fixed sequence. */
export function numbers(count: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  });
}

/** The layouts of a matrix that the fast paths tell apart, and one that none of them takes. */
export const layouts = {
  rows: (rows: number, columns: number, seed?: number): View => {
    const data = numbers(rows * columns, seed);
    return { rows, columns, data, offset: 0, rowStride: columns, columnStride: 1 };
  },
  columns: (rows: number, columns: number, seed?: number): View => {
    const data = numbers(rows * columns, seed);
    return { rows, columns, data, offset: 0, rowStride: 1, columnStride: rows };
  },
  strided: (rows: number, columns: number, seed?: number): View => {
    const rowStride = 6 * (columns + 1);
    return {
      rows,
      columns,
      data: numbers(rows * rowStride + 5, seed),
      offset: 5,
      rowStride,
      columnStride: 3,
    };
  },
  backwards: (rows: number, columns: number, seed?: number): View => {
    const data = numbers(rows * columns, seed);
    const offset = Math.max(rows * columns - 1, 0);
    return { rows, columns, data, offset, rowStride: -columns, columnStride: -1 };
  },
} as const;

/** What lies around c, to see that it is left alone. */
const guard = 12345;

/** A compiled product, with a memory of its own. */
export class Product {
  readonly kind: MatmulKind;
  private readonly gemm: (...parameters: number[]) => void;
  private readonly memory = new WebAssembly.Memory({ initial: 64, maximum: 1024 });

  constructor(kind: MatmulKind) {
    this.kind = kind;
    const module = new ModuleBuilder({ minimum: 1, maximum: 1024, shared: false });
    module.export("gemm", emitMatmul(module, kind));
    const instance = new WebAssembly.Instance(compileModule(module.encode(), { revectorised: false }), {
      env: { memory: this.memory },
    });
    this.gemm = instance.exports["gemm"] as (...parameters: number[]) => void;
  }

  /** a b by rows; `split` computes that many rows a call, and `gap` elements lie between the rows of c. */
  multiply(a: View, b: View, { split = a.rows, gap = 2 }: { split?: number; gap?: number } = {}): number[] {
    const { dtype, fma, wide = false, blocking = defaultBlocking } = this.kind;
    const type = dtype === "float32" ? Float32Array : Float64Array;
    const size = type.BYTES_PER_ELEMENT;
    const [m, n, k] = [a.rows, b.columns, a.columns];
    let top = 1024;
    const place = (data: readonly number[]) => {
      const address = top;
      new type(this.memory.buffer, address, data.length).set(data);
      top += Math.ceil((data.length * size) / 16) * 16 + 32;
      return address;
    };
    const [addressOfA, addressOfB] = [place(a.data), place(b.data)];
    const rowStride = n + gap;
    const addressOfC = place(Array(m * rowStride + 1).fill(guard));
    const bytes = workspaceBytes({ dtype, fma, wide, blocking }, n, k);
    const workspace = top;
    new Uint8Array(this.memory.buffer).fill(0xff, workspace, workspace + bytes);
    const last = new Uint8Array(this.memory.buffer, workspace + bytes, 16).fill(0x77);
    for (let i = 0; i < m; i += split) {
      const addresses = [a, b].map((view, index) => {
        const skipped = view.offset + (index === 0 ? i * view.rowStride : 0);
        return [(index === 0 ? addressOfA : addressOfB) + skipped * size, view.rowStride, view.columnStride];
      });
      const destination = [addressOfC + i * rowStride * size, rowStride, workspace];
      this.gemm(Math.min(split, m - i), n, k, ...addresses.flat(), ...destination);
    }
    if (last.some((byte) => byte !== 0x77)) throw new Error("the workspace was left");
    const c = new type(this.memory.buffer, addressOfC, m * rowStride + 1);
    const rows: number[] = [];
    c.forEach((value, index) => {
      if (index % rowStride < n && index < m * rowStride) rows.push(value);
      else if (value !== guard) throw new Error(`the element ${index} beside c was overwritten`);
    });
    return rows;
  }
}

/** The definition: within each block of `depth` successive k one product after the other, then block after block. */
export function expected(dtype: MatmulDType, depth: number, a: View, b: View): number[] {
  const round = dtype === "float32" ? Math.fround : (x: number) => x;
  const result: number[] = [];
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.columns; j++) {
      let sum = 0;
      for (let first = 0; first < a.columns; first += depth) {
        let block = 0;
        for (let k = first; k < Math.min(first + depth, a.columns); k++) {
          block = round(block + round(element(a, i, k) * element(b, k, j)));
        }
        sum = first === 0 ? block : round(sum + block);
      }
      result.push(sum);
    }
  }
  return result;
}
