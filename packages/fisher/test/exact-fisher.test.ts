import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import { exactFisher, exactFisherDiagonal, ravel, softmaxRegression } from "../src/index.ts";
import { difference, tensors, u } from "./support.ts";

const parameters = fc.record({ w: tensors([2, 3]), b: tensors([3]) });
const inputs = tensors([4, 2]);

// Sums of N M = 12 products of scores that are themselves a few operations: 100 u leaves a margin of five.
const tolerance = 100 * u;

test.prop([parameters, inputs])(
  "the sum over all labels equals the Jacobian form J' F_out J",
  (params, x) => {
    const enumerated = exactFisher(softmaxRegression, params, x, { form: "enumeration" });
    expect(difference(exactFisher(softmaxRegression, params, x), enumerated)).toBeLessThan(tolerance * 4);
  },
);

test.prop([parameters, inputs])("the diagonal is the diagonal of the matrix, in both forms", (params, x) => {
  const matrix = exactFisher(softmaxRegression, params, x);
  for (const form of ["jacobian", "enumeration"] as const) {
    const diagonal = ravel(exactFisherDiagonal(softmaxRegression, params, x, { form })).vector;
    expect(difference(diagonal, matrix.diagonal())).toBeLessThan(tolerance * 4);
  }
});
