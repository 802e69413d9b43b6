import { type DType, type Tensor, tensor } from "@amari/core";
import { irisMillimetres } from "./iris-measurements.ts";

/** Fisher's iris flowers. */
export interface Iris {
  /** The measurements in centimetres, a row per flower and a column per feature. */
  readonly x: Tensor<[150, 4]>;
  /** The species, int32: 50 times 0, 50 times 1, 50 times 2. */
  readonly y: Tensor<[150]>;
  readonly featureNames: readonly [string, string, string, string];
  readonly classNames: readonly [string, string, string];
  /** Where the data are from. */
  readonly source: string;
}

/**
 * The measurements of 150 iris flowers of three species, as printed in Fisher's paper. The copy in the UCI repository
 * differs in two flowers, numbers 35 and 38, where it has errors.
 *
 * Ronald A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7 (1936), table I; the
 * flowers were measured by Edgar Anderson, "The irises of the Gaspe peninsula" (1935). In the public domain.
 *
 * @param options the dtype of the measurements, float32 by default
 * @example const { x, y } = iris();
 */
export function iris({ dtype = "float32" }: { readonly dtype?: DType } = {}): Iris {
  return {
    x: tensor(
      irisMillimetres.map((millimetres) => millimetres / 10),
      { dtype, shape: [150, 4] },
    ),
    y: tensor(
      irisMillimetres.slice(0, 150).map((_, i) => Math.floor(i / 50)),
      { dtype: "int32", shape: [150] },
    ),
    featureNames: ["sepal length", "sepal width", "petal length", "petal width"],
    classNames: ["setosa", "versicolor", "virginica"],
    source:
      "R. A. Fisher, The use of multiple measurements in taxonomic problems, 1936; measured by E. Anderson, 1935",
  };
}
