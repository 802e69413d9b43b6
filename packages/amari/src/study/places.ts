import { type Backend, flatten, getDefaultBackend, setDefaultBackend, type Tensor } from "@amari/core";

/** A backend and the floats that are computed with on it. */
export interface Place {
  readonly backend: Backend;
  readonly dtype: "float32" | "float64";
}

/** Where the study computes what. */
export interface Places {
  /** The steps of the optimizers, and the losses along the way. */
  readonly training: Place;
  /** The exact Fisher information and natural gradient; it reads synchronously. */
  readonly exact: Place;
}

/** A backend with the finest floats that it has. */
export const placeOn = (backend: Backend): Place => ({
  backend,
  dtype: backend.capabilities.dtypes.includes("float64") ? "float64" : "float32",
});

/** Calls `f`, with what rests on no stored value computed at a place. */
export function within<T>({ backend }: Place, f: () => T): T {
  const before = getDefaultBackend();
  setDefaultBackend(backend);
  try {
    return f();
  } finally {
    setDefaultBackend(before);
  }
}

/** A tree at a place, its floats in the place's dtype. What is there already is not copied. */
export async function moveTo<T>({ backend, dtype }: Place, tree: T): Promise<T> {
  const move = async (x: Tensor): Promise<Tensor> => {
    if (!x.dtype.startsWith("float")) return x.to(backend);
    // Not every backend has float64: what becomes narrower does so before it moves, what becomes wider afterwards.
    const narrow = dtype === "float32" ? x.astype(dtype) : x;
    return (await narrow.to(backend)).astype(dtype) as Tensor;
  };
  const { leaves, structure } = flatten(tree);
  return structure.rebuild(await Promise.all(leaves.map(move))) as T;
}
