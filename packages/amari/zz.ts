import { adam, applyUpdates, crossEntropy, jit, random, transformer, treeLeaves, valueAndGrad, explain } from "amari";
import { kernelExpressions } from "@amari/core/backend";
const layers = +(process.env.LAYERS ?? 2);
const model = transformer({ vocabulary: 96, context: 64, features: 128, heads: 4, layers, attentionBias: false });
const optimizer = adam({ learningRate: 3e-4 });
const p = model.init(random.key(0));
const s = optimizer.init(p);
const tokens = random.randint(random.key(1), [16, 64], 0, 96);
const targets = random.randint(random.key(2), [16, 64], 0, 96);
for (const leaf of treeLeaves([p, s, tokens, targets])) leaf.realise();
const e = explain((p: any, s: any, tokens: any, targets: any) => {
    const loss = (p: any) => crossEntropy(model.apply(p, tokens) as any, targets).mean();
    const [value, gradients] = valueAndGrad(loss as any)(p) as any;
    const [updates, state] = optimizer.update(gradients, s, p);
    return [applyUpdates(p, updates as any), state, value];
})(p, s, tokens, targets);
const { program, canonical, schedule } = e;
console.log("program steps", program.steps.length, "scalars", program.scalars.length, "inputs", program.inputs.length, "canonical", canonical.steps.length);
const count = (xs: string[]) => Object.entries(xs.reduce((m, x) => ({ ...m, [x]: (m[x] ?? 0) + 1 }), {} as Record<string, number>)).sort((a, b) => b[1] - a[1]).map(([k, v]) => `${k}:${v}`).join(" ");
console.log("ops", count(canonical.steps.map((s) => s.operation.name)));
console.log("stages", count(schedule.stages.map((s) => s.kind)));
const ks = schedule.stages.flatMap((s) => (s.kind === "loops" ? [s.kernel] : s.kind === "assembly" ? s.kernels : []));
for (const k of ks) { const ex = kernelExpressions(k); console.log(JSON.stringify(k.loops), k.phases.length, "phases", ex.length, "expressions;", ex.filter((e) => e.kind === "load").length, "loads;", k.phases.reduce((a, p) => a + p.stores.length, 0), "stores", k.phases.reduce((a, p) => a + p.accumulators.length, 0), "accs"); }
console.log("total expr", ks.reduce((a, k) => a + kernelExpressions(k).length, 0));
import { writeFileSync } from "node:fs";
writeFileSync("/tmp/explain.txt", e.toString());
process.exit(0);
