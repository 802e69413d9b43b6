/**
 * The words of the block of shared memory through which threads agree. Those that are written while others are polled
 * stand on cache lines of their own.
 *
 * A job is a kernel cut into chunks. The main thread describes it, then sets `remaining` to the number of chunks; who
 * decrements `remaining` from a positive number owns a chunk. A claim is thus valid by itself, whatever its owner knew of
 * the job before, and the job cannot end, nor its description change, before the owner has decremented `pending`.
 */
export const words = {
  /** Counts events. Workers without work watch it, then sleep on it. */
  epoch: 0,
  /** How many workers sleep or are about to. */
  sleepers: 16,
  /** Chunks of the job that nobody has claimed; not positive when there are none. */
  remaining: 32,
  /** Chunks of the job that are not finished. */
  pending: 48,
  /** The job: which kernel of which program, over what range, in how many chunks. */
  program: 64,
  kernel: 65,
  extent: 66,
  chunk: 67,
  chunks: 68,
  /** Not zero once a worker has failed in what it was told to do. */
  failed: 80,
  /** How many messages each worker has been sent. */
  mail: 81,
  /** Where the words of each worker begin. */
  workers: 96,
  /** How many there are for each, a cache line. */
  perWorker: 16,
  /** Among a worker's words: how many messages it has dealt with, and how many chunks it has computed. */
  delivered: 0,
  computed: 1,
} as const;

/** The place of a word of a worker. */
export const wordOf = (worker: number, word: "delivered" | "computed"): number =>
  words.workers + worker * words.perWorker + words[word];

/** The size of the block. */
export const controlBytes = (workers: number): number => 4 * (words.workers + workers * words.perWorker);
