import { emitTiledProduct } from "../dot/tiled-product.ts";
import type { ProductVariant } from "../dot/variants.ts";
import type { DeviceKernel } from "../shader.ts";
import { convolutionProduct, type Parts } from "./convolution-product.ts";
import { smallVariant } from "./sizes.ts";

/**
 * A convolution as a contraction over channels and the places of the window.
 *
 * @param variant - how to compute it where it has variants; all of them give the same bits
 */
export function emitConvolution(parts: Parts, variant: ProductVariant): DeviceKernel {
  const { m, n, matrices } = parts;
  const product = convolutionProduct(parts);
  if (m * n * matrices === 0) return { shaders: [], table: product.table, memory: 0 };
  return emitTiledProduct(product, smallVariant(parts, matrices) ?? variant);
}
