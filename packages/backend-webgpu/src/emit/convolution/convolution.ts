import { emitTiledProduct, quad } from "../dot/tiled-product.ts";
import type { ProductVariant } from "../dot/variants.ts";
import type { DeviceKernel } from "../loops.ts";
import { convolutionProduct, isSmall, type Parts } from "./convolution-product.ts";

/** Each invocation by itself. */
const alone = (rows: number): ProductVariant => ({ rows, columns: quad, height: 1, width: 1, depth: 0 });

/** Whether there are several ways to compute a convolution. */
export const hasVariants = (parts: Parts): boolean => !isSmall(parts) && parts.k > 0;

/**
 * A convolution as a contraction over channels and the places of the window.
 *
 * @param variant - how to compute it where it has variants; all of them give the same bits
 */
export function emitConvolution(parts: Parts, variant: ProductVariant): DeviceKernel {
  const { m, n, matrices } = parts;
  const product = convolutionProduct(parts);
  if (m * n * matrices === 0) return { shaders: [], table: product.table, memory: 0 };
  return emitTiledProduct(product, hasVariants(parts) ? variant : alone(Math.min(m, quad)));
}
