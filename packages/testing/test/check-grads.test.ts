import { referenceBackend } from "@amari/backend-reference";
import { ArgumentError, setDefaultBackend, stopGradient, type Tensor, tensor } from "@amari/core";
import { checkGrads, checkJvp, checkSecondOrder, MismatchError } from "@amari/testing";
import { describe, expect, it } from "vitest";

setDefaultBackend(referenceBackend());

const f64 = (data: number | readonly number[]): Tensor =>
  tensor(data as readonly number[], { dtype: "float64" }) as Tensor;

describe("checkGrads", () => {
  it("accepts right derivatives of a function of trees, with integers and strings beside the floats", () => {
    const parameters = { w: f64([0.1, -0.4, 2]), layers: [{ b: f64(0.3), activation: "tanh" }] };
    checkGrads(
      (p: typeof parameters, index: Tensor) => ({
        loss: p.w.take(index).mul(p.layers[0]!.b).tanh().sum(),
        all: [p.w.exp()],
      }),
      [parameters, tensor([0, 2], { dtype: "int32" }) as Tensor],
      { directions: 3 },
    );
  });

  it.each([1e-3, 1e-6])("sees a relative error of %d in a derivative", (error) => {
    const f = (x: Tensor) =>
      x
        .sin()
        .add(x.sub(stopGradient(x)).mul(error))
        .sum();
    expect(() => checkJvp(f, [f64([0.3, 1])])).toThrow(MismatchError);
    expect(() => checkJvp(f, [f64([0.3, 1])])).toThrow(
      /jvp of element 0 of result 0 is .* finite differences give/,
    );
  });

  it("sees an error that only the second derivative has", () => {
    const f = (x: Tensor) => x.mul(stopGradient(x)).mul(2).sub(stopGradient(x.square())).sum();
    checkGrads(f, [f64([0.3, 1])], { order: 1 });
    expect(() => checkSecondOrder(f, [f64([0.3, 1])])).toThrow(/second order/);
  });

  it("says so where the function has a kink, instead of passing", () => {
    expect(() => checkJvp((x: Tensor) => x.abs().sum(), [f64([1e-5, 1])])).toThrow(/not smooth here/);
  });

  it("refuses float32, in which differences show nothing, and arguments without tensors", () => {
    expect(() => checkGrads((x: Tensor) => x.sum(), [tensor([1]) as Tensor])).toThrow(ArgumentError);
    expect(() => checkGrads((x: Tensor) => x.sum(), [tensor([1]) as Tensor])).toThrow(
      /float64.*got float32.*astype/s,
    );
    expect(() => checkGrads((x: number) => f64(x), [3])).toThrow(/no tensors/);
  });
});
