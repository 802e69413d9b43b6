import { AmariError } from "@amari/core";

/** A Fisher matrix has no inverse, so the natural gradient F^-1 g (Eq 11) is not defined by itself. */
export class SingularFisherError extends AmariError {
  constructor(message: string) {
    super("singular-fisher", message);
  }
}
