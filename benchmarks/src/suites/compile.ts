import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { MeasuredSuite } from "../suite.ts";

// Inside this package, so that "amari" resolves.
const folder = fileURLToPath(new URL("../..", import.meta.url));
const built = fileURLToPath(new URL("../../../packages/amari/dist/index.js", import.meta.url));

/**
 * The functions that the parts of a first call stand under; a moment counts for the innermost of them. The names are those
 * of the sources, which the built packages keep.
 */
const parts: Readonly<Record<string, string>> = {
  traceFunction: "trace, gradient",
  linearise: "linearise",
  programKey: "key",
  canonicalise: "canonicalise",
  fuse: "fuse: stored slots, kernels",
  mergeKernels: "fuse: merge",
  validated: "fuse: validate",
  planMemory: "memory plan",
  CpuExecutable: "WebAssembly, written",
  compileModule: "WebAssembly, compiled",
  submit: "first run",
};

interface FirstCall {
  /** How much longer the first call took than the one after it, by the clock. */
  readonly waited: number;
  /** For how long the process had a processor in the first call, and in the one after it. */
  readonly milliseconds: number;
  readonly again: number;
  /** By a profile, if there is one, which makes the call slower. */
  readonly parts: Readonly<Record<string, number>>;
}

/** The first call of a jitted training step, as a program that prints a {@link FirstCall}. */
const program = (layers: number): string => `
  import { Session } from "node:inspector";
  import { adam, applyUpdates, crossEntropy, jit, random, transformer, treeLeaves, valueAndGrad } from "amari";

  const model = transformer({
    vocabulary: 96, context: 64, features: 128, heads: 4, layers: ${layers}, attentionBias: false,
  });
  const optimizer = adam({ learningRate: 3e-4 });
  const p = model.init(random.key(0));
  const s = optimizer.init(p);
  const tokens = random.randint(random.key(1), [16, 64], 0, 96);
  const targets = random.randint(random.key(2), [16, 64], 0, 96);
  for (const leaf of treeLeaves([p, s, tokens, targets])) leaf.realise();
  const step = jit((p, s, tokens, targets) => {
    const loss = (p) => crossEntropy(model.apply(p, tokens), targets).mean();
    const [value, gradients] = valueAndGrad(loss)(p);
    const [updates, state] = optimizer.update(gradients, s, p);
    return [applyUpdates(p, updates), state, value];
  }, { donate: [0, 1] });

  const names = ${JSON.stringify(parts)};
  const isProfiled = process.argv.includes("profile");
  const session = new Session();
  if (isProfiled) {
    session.connect();
    session.post("Profiler.enable");
    session.post("Profiler.setSamplingInterval", { interval: 200 });
    session.post("Profiler.start");
  }
  const timed = (f) => {
    const [clock, begin] = [performance.now(), process.cpuUsage()];
    const result = f();
    const { user, system } = process.cpuUsage(begin);
    return [result, (user + system) / 1000, performance.now() - clock];
  };
  const [results, milliseconds, clock] = timed(() => step(p, s, tokens, targets));
  const parts = {};
  if (isProfiled) session.post("Profiler.stop", (error, { profile }) => {
    const partOf = new Map();
    const visit = (node, part) => {
      const own = names[node.callFrame.functionName] ?? part;
      partOf.set(node.id, own);
      for (const child of node.children ?? []) visit(nodes.get(child), own);
    };
    const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
    visit(profile.nodes[0], "other");
    // A sample that took much longer than the interval waited for the processor.
    profile.samples.forEach((id, i) => {
      parts[partOf.get(id)] = (parts[partOf.get(id)] ?? 0) + Math.min(profile.timeDeltas[i], 1000) / 1000;
    });
  });
  const [, again, clockAgain] = timed(() => step(results[0], results[1], tokens, targets));
  console.log(JSON.stringify({ waited: clock - clockAgain, milliseconds, again, parts }));
`;

const rounds = 5;

/** The engine compiles on the program's own thread, so that its work is counted too. */
const oneThread = ["--single-threaded"];

function run(code: string, flags: readonly string[], ...options: readonly string[]): FirstCall {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [...flags, "--input-type=module", "--eval", code, "--", ...options],
    { cwd: folder, encoding: "utf8", env: { ...process.env, AMARI_THREADS: "1" } },
  );
  if (status !== 0) throw new Error(`a program of the compile suite failed:\n${stderr}`);
  return JSON.parse(stdout);
}

const show = (milliseconds: number): string => `${milliseconds.toFixed(0).padStart(5)} ms`;

/** What the first call of a transformer's training step costs, from the trace to the first result, on one thread. */
export const compile: MeasuredSuite = {
  name: "compile",
  about: `Processor time of the first call of a jitted training step, in a process of its own: the least of ${rounds}, and the least that its parts take in the profiles of ${rounds} others. By the clock: how much longer it takes than the second call, with the engine's threads.`,
  measure: (filter) => {
    const chosen = [1, 2, 4]
      .map((layers) => ({ layers, name: `transformer of ${layers} layers` }))
      .filter(({ name }) => name.includes(filter));
    if (chosen.length > 0 && !existsSync(built))
      throw new Error("the packages are not built: run pnpm build first");
    return chosen.flatMap(({ layers, name }) => {
      const code = program(layers);
      const calls = Array.from({ length: rounds }, () => run(code, oneThread));
      const profiles = Array.from({ length: rounds }, () => run(code, oneThread, "profile").parts);
      const waits = Array.from({ length: rounds }, () => run(code, []).waited);
      const least = (times: readonly number[]) => show(Math.min(...times));
      return [
        { name, result: least(calls.map(({ milliseconds }) => milliseconds)) },
        { name: "  more than the second call", result: least(calls.map((c) => c.milliseconds - c.again)) },
        { name: "  by the clock, the engine using other cores", result: least(waits) },
        ...Object.values(parts).map((part) => ({
          name: `  ${part}`,
          result: least(profiles.map((profile) => profile[part] ?? 0)),
        })),
      ];
    });
  },
};
