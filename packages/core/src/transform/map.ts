import { loopOver } from "./scan.ts";
import type { MapOver } from "./signatures.ts";

/**
 * f on each slice along the first axis, one after the other, and the results stacked: what {@link vmap} computes, in the
 * memory of one example.
 *
 * @example map((x) => x.matmul(x), matrices)
 * @throws AxisError for a scalar among `xs`, ArgumentError where lengths differ or f is async
 */
export const map: MapOver = ((f: (x: unknown) => unknown, xs: unknown) =>
  loopOver("map", (_, x) => [null, f(x)], null, xs)[1]) as unknown as MapOver;
