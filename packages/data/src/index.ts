/**
 * Data sets, loaders and file formats.
 *
 * @packageDocumentation
 */
export { type BatchOptions, batches } from "./batches.ts";
export { type CsvOptions, readCsv, type Table } from "./csv.ts";
export { gunzip } from "./gzip.ts";
export { type ReadOptions, readIdx } from "./idx.ts";
export { type Iris, iris } from "./iris.ts";
export { readNpy, writeNpy } from "./npy.ts";
export type { Rows } from "./rows.ts";
export { type Split, type SplitOptions, trainTestSplit } from "./split.ts";
export { type FeatureStatistics, featureStatistics, standardise } from "./standardise.ts";
