/** What a task waits for. */
export interface Wait {
  readonly promise: Promise<unknown>;
  /** Brings it about at once, at a price, where that is possible. */
  readonly force?: () => void;
}

/** Work that may have to wait in between: it yields what for. */
export type Task = Generator<Wait, void, void>;

const noWaits: readonly Wait[] = [];

/** A task that waits for nothing. */
export function* doing(run: () => void): Task {
  run();
  yield* noWaits;
}

/** Waiting tasks beyond this are worth a price: a loop that awaits nothing would pile them up for ever. */
const patience = 8;

/**
 * Runs tasks one after the other, at once where nothing is waited for. A task that throws ends there; who wants to know
 * catches inside the task.
 */
export class TaskQueue {
  private readonly tasks: Task[] = [];
  private wait: Wait | null = null;

  add(task: Task): void {
    this.tasks.push(task);
    if (this.wait === null) {
      if (this.tasks.length === 1) this.advance();
      return;
    }
    if (this.tasks.length > patience) this.hurry();
  }

  /** Does not wait for what can be brought about at once. */
  hurry(): void {
    while (this.wait?.force !== undefined) {
      const { force } = this.wait;
      this.wait = null;
      force();
      this.advance();
    }
  }

  /** Whether all is done. */
  get isEmpty(): boolean {
    return this.tasks.length === 0;
  }

  private advance(): void {
    for (let task = this.tasks[0]; task !== undefined; task = this.tasks[0]) {
      const step = task.next();
      if (step.done) {
        this.tasks.shift();
        continue;
      }
      const wait = step.value;
      this.wait = wait;
      const goOn = () => {
        // Forced meanwhile.
        if (this.wait !== wait) return;
        this.wait = null;
        this.advance();
      };
      wait.promise.then(goOn, goOn);
      return;
    }
  }
}
