import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend } from "@amari/core";

export { f64, type Matrix, type Nested, values } from "../src/laws/arrays.ts";

// Imported for its effect: exact mathematics on the reference backend.
setDefaultBackend(referenceBackend());
