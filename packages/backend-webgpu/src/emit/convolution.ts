import { type Geometry, type Stage, sizeOf } from "@amari/core/backend";
import type { ShaderType } from "./literal.ts";
import { type DeviceKernel, gridOf, groupNumber } from "./loops.ts";
import { fromWord, toWord } from "./scope.ts";
import { TableLayout } from "./table.ts";

type ConvolutionStage = Extract<Stage, { kind: "convolution" }>;

/** Output channels that an invocation computes, where a group has a multiple of them: they share the input's elements. */
const block = 4;

const invocations = 64;

/** A convolution as a contraction over channels and the places of the window, with zeros where these leave the input. */
export function emitConvolution(
  { step, input, window, result }: ConvolutionStage,
  shape: readonly number[],
  type: ShaderType,
): DeviceKernel {
  const { strides, padding, inputDilation, kernelDilation, groups } = step.attributes as Geometry;
  const [batch, outputs, ...places] = shape as [number, number, ...number[]];
  const perGroup = window.shape[1]!;
  const outputsPerGroup = outputs / Math.max(1, groups);
  const blocked = outputsPerGroup % block === 0 ? block : 1;
  const total = (batch * outputs * sizeOf(places)) / blocked;
  const table = new TableLayout();
  const [x, w, y] = [input.buffer, window.buffer, result].map((buffer) => table.buffer(buffer));
  const lines: string[] = [];
  let depth = 1;
  const line = (text: string) => lines.push("  ".repeat(depth) + text);
  const open = (head: string) => {
    line(`${head} {`);
    depth++;
  };
  const close = () => {
    depth--;
    line("}");
  };
  line(`let place = i32(${groupNumber} * ${invocations}u + lane);`);
  line(`if (place >= ${total}) { return; }`);
  let inside = 1;
  for (let axis = places.length - 1; axis >= 0; axis--) {
    line(`let q${axis} = place / ${inside} % ${places[axis]};`);
    inside *= places[axis]!;
  }
  line(`let o = place / ${inside} % ${outputs / blocked} * ${blocked};`);
  line(`let n = place / ${(inside * outputs) / blocked};`);
  line(`let first = o / ${outputsPerGroup} * ${perGroup};`);
  for (let i = 0; i < blocked; i++) line(`var sum${i} = ${type}();`);
  line(`let image = ${x} + ${input.offset} + n * ${input.strides[0]} + first * ${input.strides[1]};`);
  line(`let weights = ${w} + ${window.offset} + o * ${window.strides[0]};`);
  const [at, of] = [["image"], ["weights"]];
  places.forEach((_, axis) => {
    const [dilation, before] = [inputDilation[axis]!, padding[axis]![0]];
    open(`for (var j${axis} = 0; j${axis} < ${window.shape[axis + 2]}; j${axis}++)`);
    line(`let p${axis} = q${axis} * ${strides[axis]} + j${axis} * ${kernelDilation[axis]} - ${before};`);
    const isThere = dilation === 1 ? "" : ` || p${axis} % ${dilation} != 0`;
    line(`if (p${axis} < 0 || p${axis} >= ${input.shape[axis + 2]! * dilation}${isThere}) { continue; }`);
    at.push(`p${axis} / ${dilation} * ${input.strides[axis + 2]}`);
    of.push(`j${axis} * ${window.strides[axis + 2]}`);
  });
  line(`let from_ = ${at.join(" + ")};`);
  line(`let with_ = ${of.join(" + ")};`);
  open(`for (var c = 0; c < ${perGroup}; c++)`);
  line(`let value = ${fromWord(`heap[from_ + c * ${input.strides[1]}]`, type)};`);
  for (let i = 0; i < blocked; i++) {
    const weight = fromWord(`heap[with_ + c * ${window.strides[1]} + ${i * window.strides[0]!}]`, type);
    line(`sum${i} = ${type === "f32" ? `fma(value, ${weight}, sum${i})` : `sum${i} + value * ${weight}`};`);
  }
  close();
  places.forEach(close);
  const channel = sizeOf(places);
  const spot = ["0", ...places.map((_, axis) => `q${axis} * ${sizeOf(places.slice(axis + 1))}`)].join(" + ");
  line(`let to = ${y} + (n * ${outputs} + o) * ${channel} + ${spot};`);
  for (let i = 0; i < blocked; i++) line(`heap[to + ${i * channel}] = ${toWord(`sum${i}`, type)};`);
  const text = [
    "@group(0) @binding(0) var<storage, read_write> heap: array<u32>;",
    `@group(0) @binding(1) var<uniform> table: array<vec4<u32>, ${Math.ceil(table.words / 4)}>;`,
    `@compute @workgroup_size(${invocations})`,
    "fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {",
    ...lines,
    "}",
    "",
  ].join("\n");
  const shaders = total === 0 ? [] : [{ text, groups: gridOf(Math.ceil(total / invocations)) }];
  return { shaders, table, memory: 0 };
}
