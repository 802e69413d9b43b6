import { apply, type Primitive } from "../define/primitive.ts";
import type { Node } from "../node.ts";
import type { Kernel } from "../operation.ts";
import { sizeOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import { Tensor } from "../tensor.ts";
import { zerosLike } from "./creation.ts";
import { padPrimitive, slicePrimitive, type Window, windowOf } from "./windows.ts";

/** Where an operand stands in the result. */
type Place = Pick<Window, "starts" | "steps">;

interface Placing {
  readonly places: readonly Place[];
  readonly shape: Shape;
}

/** Operands at places that do not overlap, zeros elsewhere. */
const placePrimitive: Primitive<Placing> = {
  name: "place",
  kernel: {
    kind: "assemble",
    assembly: (inputs, { places }: Placing, whole) => {
      const windows = inputs.map((shape, i) => windowOf(whole, { ...places[i]!, shape }));
      const placed = inputs.reduce((sum, shape) => sum + sizeOf(shape), 0);
      return { fill: placed === sizeOf(whole) ? null : 0, windows };
    },
  } as Kernel,
  type: ([first], { shape }) => ({ shape, dtype: first!.dtype }),
  jvp: ({ inputs, tangents, attributes }) =>
    apply(
      placePrimitive,
      tangents.map((tangent, i) => tangent ?? (zerosLike(inputs[i]!) as Tensor)),
      attributes,
    ),
  transpose: ({ cotangents, inputs, linear, attributes: { places } }) =>
    inputs.map(({ shape }, i) =>
      linear[i] ? apply(slicePrimitive, [cotangents[0]!], { ...places[i]!, shape }) : null,
    ),
  batch: ({ inputs, batched, size, attributes: { places, shape } }) =>
    apply(
      placePrimitive,
      inputs.map((x, i) => (batched[i] ? x : x.broadcastTo([size, ...x.shape]))),
      {
        places: places.map(({ starts, steps }) => ({ starts: [0, ...starts], steps: [1, ...steps] })),
        shape: [size, ...shape],
      },
    ),
};

/** What stands where in a tensor that is zero everywhere else. */
interface Placed extends Placing {
  readonly operands: readonly Node[];
}

function placedIn({ node }: Tensor): Placed | null {
  if (node.storage !== null || node.inputs.length === 0) return null;
  const { operation, attributes, inputs: operands, shape } = node;
  if (operation === placePrimitive) return { ...(attributes as Placing), operands };
  if (operation !== padPrimitive) return null;
  const { low, interior, value } = attributes as {
    readonly low: readonly number[];
    readonly interior: readonly number[];
    readonly value: string;
  };
  return value === "0"
    ? { places: [{ starts: low, steps: interior.map((n) => n + 1) }], shape, operands }
    : null;
}

/** Whether two places have no element in common: along some axis they lie apart, or between one another. */
const areApart = (a: Place, sizesOfA: Shape, b: Place, sizesOfB: Shape): boolean =>
  a.starts.some((start, axis) => {
    const [step, other] = [a.steps[axis]!, b.steps[axis]!];
    const [end, otherEnd] = [start + step * sizesOfA[axis]!, b.starts[axis]! + other * sizesOfB[axis]!];
    const isBetween = step === other && (start - b.starts[axis]!) % step !== 0;
    return isBetween || end - step < b.starts[axis]! || otherEnd - other < start;
  });

/**
 * The sum of two cotangents of one value. Those of its slices are zero but for a part each; where no two parts overlap, they
 * are put side by side instead of being filled up with zeros and added.
 */
export function sumOfCotangents(a: Tensor, b: Tensor): Tensor {
  const [left, right] = [placedIn(a), placedIn(b)];
  if (left === null || right === null) return a.add(b);
  const apart = left.places.every((place, i) =>
    right.places.every((other, j) =>
      areApart(place, left.operands[i]!.shape, other, right.operands[j]!.shape),
    ),
  );
  if (!apart) return a.add(b);
  const operands = [...left.operands, ...right.operands].map((node) => new Tensor(node));
  return apply(placePrimitive, operands, { places: [...left.places, ...right.places], shape: left.shape });
}
