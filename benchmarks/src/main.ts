import { getDefaultBackend } from "amari";
import { resultsFolder, runSuite } from "./suite.ts";
import { suites } from "./suites/index.ts";

const [wanted = "", filter = ""] = process.argv.slice(2);
const names = suites.map(({ name }) => name);

if (wanted === "--help" || wanted === "-h") {
  console.log(
    `pnpm bench [suite] [filter]\n\nSuites: ${names.join(", ")}. The filter is a part of the names of cases.`,
  );
} else if (wanted !== "" && !names.includes(wanted)) {
  console.error(
    `error: there is no suite ${JSON.stringify(wanted)}; write one of ${names.join(", ")}, or none for all`,
  );
  process.exitCode = 1;
} else {
  console.log(`Node ${process.versions.node}, ${getDefaultBackend().name} backend.`);
  let measured = 0;
  for (const suite of suites) {
    if (wanted === "" || suite.name === wanted) measured += await runSuite(suite, filter);
  }
  if (measured === 0) {
    console.error(`error: no case holds ${JSON.stringify(filter)} in its name`);
    process.exitCode = 1;
  } else {
    console.log(`\n${measured} cases. Details in ${resultsFolder}`);
  }
}
