/**
 * The backend that defines what every operation means.
 *
 * @packageDocumentation
 */
export { ReferenceBackend, referenceBackend } from "./backend.ts";
