import benny from "benny";

await benny.suite(
  "loops over a million numbers",
  benny.add("for", () => {
    const values = new Float64Array(1_000_000);
    return () => {
      let sum = 0;
      for (let i = 0; i < values.length; i++) sum += values[i]!;
      return sum;
    };
  }),
  benny.cycle(),
);
