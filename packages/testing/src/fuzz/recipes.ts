import * as amari from "@amari/core";
import { operations } from "@amari/core";
import { alongAxis, overAxes } from "./recipes/axes.ts";
import { contractions } from "./recipes/contractions.ts";
import { control } from "./recipes/control.ts";
import { elementwiseRecipe } from "./recipes/elementwise.ts";
import { gathering } from "./recipes/gathering.ts";
import type { Recipe } from "./recipes/recipe.ts";
import { views } from "./recipes/views.ts";
import { windows } from "./recipes/windows.ts";

const signatures: readonly (readonly [recipe: (name: string) => Recipe, names: readonly string[]])[] = [
  [overAxes, ["sum", "mean", "max", "min", "prod", "variance", "logSumExp", "any", "all"]],
  [(name) => alongAxis(name), ["softmax", "logSoftmax", "argmax", "argmin", "sort", "argsort"]],
  [(name) => alongAxis(name, [{ reverse: true }]), ["cumsum", "cumprod", "cummax", "cummin", "cumLogSumExp"]],
];

/** Composites of the table that work elementwise, beside all that its rows say are. */
const elementwiseComposites: readonly string[] = ["relu", "silu", "leakyRelu", "elu", "gelu"];

/** Not called with tensors alone, or made by a recipe of its own. */
const notElementwise: readonly string[] = ["astype", "polygamma"];

/** What most programs are made of. */
const common: readonly string[] = (
  "add sub mul div neg maximum exp tanh sqrt where gt relu sigmoid square sum mean max softmax cumsum sort reshape " +
  "permute flip slice pad broadcastTo matmul concat astype einsum conv takeAlongAxis"
).split(" ");

/** The names of {@link recipes}, the common ones several times. */
export const weightedNames = (all: ReadonlyMap<string, Recipe>): string[] => [
  ...all.keys(),
  ...Array.from({ length: 5 }, () => common).flat(),
];

/** The ways to add an operation to a program, by name; the plainest first, since failures shrink towards it. */
export function recipes(): ReadonlyMap<string, Recipe> {
  const elementwise = [...operations.values()].filter(
    ({ name, family }) =>
      (family === "elementwise" || elementwiseComposites.includes(name)) &&
      !notElementwise.includes(name) &&
      name in amari,
  );
  return new Map([
    ...elementwise.map((definition) => [definition.name, elementwiseRecipe(definition)] as const),
    ...signatures.flatMap(([recipe, names]) => names.map((name) => [name, recipe(name)] as const)),
    ...Object.entries({ ...views, ...contractions, ...gathering, ...windows, ...control }),
  ]);
}
