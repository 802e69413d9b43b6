/**
 * A way to compute a product of matrices: what an invocation keeps in registers, and whether a workgroup shares what it
 * loads. All of them add the products of an element in the same order, so that which one runs shows in no bit.
 */
export interface ProductVariant {
  /** Elements of the result that an invocation computes: multiples of 4. */
  readonly rows: number;
  readonly columns: number;
  /** Invocations of a workgroup. */
  readonly height: number;
  readonly width: number;
  /** How many columns of the left and rows of the right operand a workgroup loads at a time into its memory; 0: none. */
  readonly depth: number;
}

/** The name of a way to compute a product of matrices. */
export type ProductVariantName =
  | "registers 4x4"
  | "registers 8x4"
  | "shared 32x32"
  | "shared 64x64"
  | "shared 128x64"
  | "shared 128x128";

/** From what suits small matrices to what suits large ones. */
export const productVariants: Readonly<Record<ProductVariantName, ProductVariant>> = {
  "registers 4x4": { rows: 4, columns: 4, height: 8, width: 8, depth: 0 },
  "registers 8x4": { rows: 8, columns: 4, height: 8, width: 8, depth: 0 },
  "shared 32x32": { rows: 4, columns: 4, height: 8, width: 8, depth: 16 },
  "shared 64x64": { rows: 4, columns: 4, height: 16, width: 16, depth: 16 },
  "shared 128x64": { rows: 8, columns: 4, height: 16, width: 16, depth: 16 },
  "shared 128x128": { rows: 8, columns: 8, height: 16, width: 16, depth: 8 },
};

export const productVariantNames: readonly ProductVariantName[] = Object.keys(
  productVariants,
) as ProductVariantName[];

/** Rows and columns of the result that a workgroup computes. */
export const tileOf = ({
  rows,
  columns,
  height,
  width,
}: ProductVariant): { readonly rows: number; readonly columns: number } => ({
  rows: rows * height,
  columns: columns * width,
});

/** What a device must have for a variant: invocations of a workgroup, and bytes of its memory. */
export function needsOf(variant: ProductVariant): { readonly invocations: number; readonly memory: number } {
  const { rows, columns } = tileOf(variant);
  return { invocations: variant.height * variant.width, memory: 4 * variant.depth * (rows + columns) };
}
