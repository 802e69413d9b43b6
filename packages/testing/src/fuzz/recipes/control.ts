import { isFloat, type Recipes } from "./recipe.ts";

/** Uses of loops and branches. */
export const control: Recipes = {
  recurrence: (draw) => {
    const x = draw.value((y) => isFloat(y) && y.rank > 0 && y.shape[0]! < 20);
    if (x !== undefined) draw.emit("recurrence", x.reference);
  },
  branch: (draw) => {
    const x = draw.value(isFloat);
    const y = draw.value(
      ({ dtype, shape }) => dtype === x?.tensor.dtype && shape.join() === x.tensor.shape.join(),
    );
    if (x !== undefined && y !== undefined) draw.emit("branch", x.reference, y.reference);
  },
  halved: (draw) => {
    const x = draw.value(isFloat);
    if (x !== undefined) draw.emit("halved", x.reference);
  },
};
