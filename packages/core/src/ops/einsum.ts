import { promote } from "../define/coerce.ts";
import { composite, type DefinedFunction, defineFunction, on } from "../define/definition.ts";
import type { EinsumFunction } from "../define/signatures.ts";
import { ArgumentError, ShapeError } from "../errors/errors.ts";
import { range, showShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import { multiply } from "./contraction.ts";
import { iota } from "./creation.ts";

interface Term {
  readonly labels: readonly string[];
  readonly value: Tensor;
}

/**
 * Einstein summation: labels that are repeated are multiplied, labels that are not in the result are summed.
 * Operands are contracted from left to right.
 *
 * @example einsum("bij,bjk->bik", a, b) // batched matrix product
 * @throws ArgumentError for a malformed subscript, ShapeError where sizes disagree
 */
export const einsum: DefinedFunction<EinsumFunction> = defineFunction(
  composite(
    "einsum",
    [
      on(
        [
          [2, 3],
          [3, 4],
        ],
        (a, b) => einsum("ij,jk->ik", a, b),
      ),
      on(
        [
          [2, 3, 4],
          [2, 4, 3],
        ],
        (a, b) => einsum("bij,bjk->bik", a, b),
      ),
      on([[2, 3], [2], [3]], (a, b, c) => einsum("ij,i,j->", a, b, c)),
      on([[3, 3]], (a) => einsum("ii->i", a)),
      on([[3, 3]], (a) => einsum("ii", a)),
      on([[2, 3], [4]], (a, b) => einsum("ij,k->kji", a, b)),
    ],
    8,
  ),
  ((subscripts: string, ...operands: readonly Tensor[]): Tensor => {
    const { inputs, output } = parseSubscripts(subscripts, operands);
    const promoted = promote(operands, "einsum");
    const terms = promoted.map((value, i) => takeDiagonals({ labels: inputs[i]!, value }));
    let result = terms[0]!;
    terms.slice(1).forEach((term, i) => {
      const later = new Set([...output, ...terms.slice(i + 2).flatMap((t) => t.labels)]);
      result = contract(result, term, later);
    });
    const summed = sumAbsent(result, new Set(output));
    return summed.value.permute(output.map((label) => summed.labels.indexOf(label)));
  }) as EinsumFunction,
);

function parseSubscripts(subscripts: string, operands: readonly Tensor[]) {
  const match = /^([a-zA-Z]*(?:,[a-zA-Z]*)*)(?:->([a-zA-Z]*))?$/.exec(subscripts.replaceAll(" ", ""));
  if (match === null)
    throw new ArgumentError(`einsum: expected subscripts such as "ij,jk->ik", got "${subscripts}"`);
  const inputs = match[1]!.split(",").map((labels) => labels.split(""));
  if (inputs.length !== operands.length) {
    throw new ArgumentError(
      `einsum: "${subscripts}" names ${inputs.length} operands, got ${operands.length}`,
    );
  }
  const all = inputs.flat();
  const once = [...new Set(all)].filter((label) => all.indexOf(label) === all.lastIndexOf(label)).sort();
  const output = match[2] === undefined ? once : match[2].split("");
  const sizes = new Map<string, number>();
  inputs.forEach((labels, i) => {
    const { shape } = operands[i]!;
    if (labels.length !== shape.length) {
      throw new ShapeError(`einsum: "${labels.join("")}" names ${labels.length} axes of ${showShape(shape)}`);
    }
    labels.forEach((label, axis) => {
      const known = sizes.get(label) ?? shape[axis]!;
      if (known !== shape[axis])
        throw new ShapeError(`einsum: axis ${label} has size ${known} and ${shape[axis]} in "${subscripts}"`);
      sizes.set(label, known);
    });
  });
  for (const label of output) {
    if (!sizes.has(label))
      throw new ArgumentError(`einsum: the result's axis ${label} is in no operand of "${subscripts}"`);
  }
  if (new Set(output).size !== output.length)
    throw new ArgumentError(`einsum: an axis is repeated in the result of "${subscripts}"`);
  return { inputs, output };
}

/** Replaces a label that an operand repeats by the diagonal along those axes. */
function takeDiagonals({ labels, value }: Term): Term {
  const repeated = labels.findIndex((label, i) => labels.indexOf(label) < i);
  if (repeated < 0) return { labels, value };
  const first = labels.indexOf(labels[repeated]!);
  const onDiagonal = (iota(value.shape, first) as Tensor).eq(iota(value.shape, repeated) as Tensor);
  const kept = labels.filter((_, i) => i !== repeated);
  return takeDiagonals({ labels: kept, value: onDiagonal.where(value, 0).sum(repeated) });
}

function sumAbsent({ labels, value }: Term, wanted: ReadonlySet<string>): Term {
  const absent = range(0, labels.length).filter((i) => !wanted.has(labels[i]!));
  return absent.length === 0
    ? { labels, value }
    : { labels: labels.filter((label) => wanted.has(label)), value: value.sum(absent) };
}

/** Multiplies two terms and sums the shared labels that nobody needs later: one batched dot. */
function contract(left: Term, right: Term, later: ReadonlySet<string>): Term {
  const a = sumAbsent(left, new Set([...right.labels, ...later]));
  const b = sumAbsent(right, new Set([...left.labels, ...later]));
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => later.has(label));
  const summed = shared.filter((label) => !later.has(label));
  const rows = a.labels.filter((label) => !shared.includes(label));
  const columns = b.labels.filter((label) => !shared.includes(label));
  const sizesOf = (labels: readonly string[]): Shape =>
    labels.map((label) =>
      a.labels.includes(label)
        ? a.value.shape[a.labels.indexOf(label)]!
        : b.value.shape[b.labels.indexOf(label)]!,
    );
  const arrange = ({ labels, value }: Term, order: readonly string[], shape: Shape) =>
    value.permute(order.map((label) => labels.indexOf(label))).reshape(shape);
  const [batchShape, m, k, n] = [
    sizesOf(batch),
    sizeOf(sizesOf(rows)),
    sizeOf(sizesOf(summed)),
    sizeOf(sizesOf(columns)),
  ];
  const product = multiply(
    arrange(a, [...batch, ...rows, ...summed], [...batchShape, m, k]),
    arrange(b, [...batch, ...summed, ...columns], [...batchShape, k, n]),
  );
  return {
    labels: [...batch, ...rows, ...columns],
    value: product.reshape([...batchShape, ...sizesOf(rows), ...sizesOf(columns)]),
  };
}
