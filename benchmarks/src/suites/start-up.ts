import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { MeasuredSuite } from "../suite.ts";

// Inside this package, so that "amari" resolves.
const folder = fileURLToPath(new URL("../..", import.meta.url));
const built = fileURLToPath(new URL("../../../packages/amari/dist/index.js", import.meta.url));

const programs = {
  "an empty program": "",
  "import amari": 'await import("amari");',
  "import amari, first gradient read":
    'const { grad, tensor } = await import("amari"); grad((x) => x.square().sum())(tensor([1, 2])).dataSync();',
  "import amari, first jitted step of a perceptron": `
    const { applyUpdates, adam, crossEntropy, jit, mlp, random, tensor, valueAndGrad } = await import("amari");
    const model = mlp({ sizes: [784, 256, 128, 10] });
    const p = model.init(random.key(0));
    const x = random.normal(random.key(1), [128, 784]);
    const y = random.randint(random.key(2), [128], 0, 10);
    const optimizer = adam({ learningRate: 1e-3 });
    const step = jit((p, s, x, y) => {
      const [value, grads] = valueAndGrad((p) => crossEntropy(model.apply(p, x), y).mean())(p);
      const [updates, state] = optimizer.update(grads, s, p);
      return [applyUpdates(p, updates), state, value];
    });
    step(p, optimizer.init(p), x, y)[2].itemSync();`,
};

const rounds = 15;

/** Milliseconds of a process of its own, from start to end. */
function run(code: string): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`a program of the start-up suite failed:\n${stderr}`);
  return performance.now() - start;
}

/** From nothing to the first gradient, on the built packages as a user has them, each in a process of its own. */
export const startUp: MeasuredSuite = {
  name: "start-up",
  about: `The built packages; the least and the median of ${rounds} processes in turns, and what they take over an empty one.`,
  measure: (filter) => {
    const chosen = Object.entries(programs).filter(([name], i) => i === 0 || name.includes(filter));
    if (chosen.length === 1 && filter !== "") return [];
    if (!existsSync(built)) throw new Error("the packages are not built: run pnpm build first");
    const times = chosen.map(([name, code]) => ({ name, code, samples: [] as number[] }));
    for (let round = 0; round < rounds; round++) {
      for (const { code, samples } of times) samples.push(run(code));
    }
    const least = times.map(({ samples }) => Math.min(...samples));
    const median = times.map(({ samples }) => samples.sort((a, b) => a - b)[rounds >> 1]!);
    return times.map(({ name }, i) => ({
      name,
      result:
        `${least[i]!.toFixed(0).padStart(5)} ms least, ${median[i]!.toFixed(0).padStart(5)} ms median` +
        (i === 0 ? "" : `   ${(least[i]! - least[0]!).toFixed(0).padStart(4)} ms over empty`),
    }));
  },
};
