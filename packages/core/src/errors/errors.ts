/**
 * The base of every error that Amari throws on purpose. `code` is stable and can be compared; the message says what
 * was expected, what came, and what to write instead.
 */
export class AmariError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** Shapes do not fit an operation. */
export class ShapeError extends AmariError {
  constructor(message: string) {
    super("shape", message);
  }
}

/** An axis is out of range or given twice. */
export class AxisError extends AmariError {
  constructor(message: string) {
    super("axis", message);
  }
}

/** A dtype does not fit an operation. */
export class DTypeError extends AmariError {
  constructor(message: string) {
    super("dtype", message);
  }
}

/** Trees that should have the same structure differ, or hold something that is not a tensor. */
export class TreeError extends AmariError {
  constructor(message: string) {
    super("tree", message);
  }
}

/** An argument has a value that the function does not accept. */
export class ArgumentError extends AmariError {
  constructor(message: string) {
    super("argument", message);
  }
}

/** A derivative was asked of something that has none. */
export class GradientError extends AmariError {
  constructor(message: string) {
    super("gradient", message);
  }
}

/** A value was asked of a tensor that stands for an argument of `vmap` or `jit` and has none yet. */
export class PlaceholderError extends AmariError {
  constructor(message: string) {
    super("placeholder", message);
  }
}

/** A tensor is used after its storage was given away: by `jit`'s donation or by `dispose()`. */
export class DisposedError extends AmariError {
  constructor(message: string) {
    super("disposed", message);
  }
}

/** A backend is missing, mixed with another, or cannot do what is asked. */
export class BackendError extends AmariError {
  constructor(message: string, options?: ErrorOptions) {
    super("backend", message, options);
  }
}

/** The live storages exceed the memory budget even after everything unreachable was collected. */
export class OutOfMemoryError extends AmariError {
  constructor(message: string) {
    super("out-of-memory", message);
  }
}
