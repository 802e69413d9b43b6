import { fileURLToPath } from "node:url";
import type Benchmark from "benchmark";
import type { Event, Suite } from "benchmark";
import benny from "benny";

/** One thing to measure. */
export interface BenchmarkCase {
  readonly name: string;
  /** Does what is not measured, and returns what is. The result must really be computed: see {@link computed}. */
  prepare(): () => unknown;
}

/** Cases that are measured and shown together. */
export interface BenchmarkSuite {
  readonly name: string;
  readonly about: string;
  /** Seconds for each case; the fewest samples that are taken, whatever they cost. */
  readonly budget: { readonly seconds: number; readonly samples: number };
  cases(): readonly BenchmarkCase[];
}

/** Cases that are not operations per second, and measure themselves. */
export interface MeasuredSuite {
  readonly name: string;
  readonly about: string;
  /** Measures the cases whose names hold `filter`. */
  measure(filter: string): readonly { readonly name: string; readonly result: string }[];
}

/** Where the results are kept, one JSON file for each suite. */
export const resultsFolder: string = fileURLToPath(new URL("../results", import.meta.url));

/** The narrowest sample that a timer of a microsecond resolves to a thousandth. */
const secondsPerSample = 0.005;

/** Prints each case when it is done; benny's own `cycle` repaints the terminal, which spoils a log. */
const printed = async () => (suite: Suite) =>
  suite.on("cycle", (event: Event) => {
    const { name, hz, stats } = event.target as unknown as Benchmark & { readonly name: string };
    const operations = hz.toLocaleString("en", { maximumSignificantDigits: 3 });
    console.log(`  ${name.padEnd(44)} ${operations.padStart(11)} ops/s  ±${stats.rme.toFixed(0)}%`);
  });

/** Measures the cases whose names hold `filter` and prints the results. @returns how many there were */
export const runSuite = (suite: BenchmarkSuite | MeasuredSuite, filter: string): Promise<number> =>
  "measure" in suite ? printMeasured(suite, filter) : runBenchmarks(suite, filter);

async function printMeasured({ about, measure }: MeasuredSuite, filter: string): Promise<number> {
  const rows = measure(filter);
  if (rows.length > 0) console.log(`\n${about}`);
  for (const { name, result } of rows) console.log(`  ${name.padEnd(48)} ${result}`);
  return rows.length;
}

/** Prints operations per second and writes the results as JSON. */
async function runBenchmarks(
  { name, about, budget, cases }: BenchmarkSuite,
  filter: string,
): Promise<number> {
  const chosen = cases().filter((each) => each.name.includes(filter));
  if (chosen.length === 0) return 0;
  console.log(`\n${about}`);
  await benny.suite(
    name,
    benny.configure({
      minDisplayPrecision: 2,
      cases: {
        minTime: Math.min(secondsPerSample, budget.seconds),
        maxTime: budget.seconds,
        minSamples: budget.samples,
      },
    }),
    ...chosen.map((each) => benny.add(each.name, () => each.prepare())),
    printed,
    benny.save({ file: name, folder: resultsFolder, format: "json" }),
  );
  return chosen.length;
}
