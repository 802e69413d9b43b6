import { Bytes } from "./bytes.ts";
import {
  type LaneInstruction,
  type LaneStore,
  laneAccess,
  laneStores,
  type MemoryInstruction,
  memoryAccess,
  type PlainInstruction,
  plain,
  type ValueType,
  valueTypes,
} from "./opcodes.ts";

/** A local variable or parameter of a function. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

/** The type of a function. */
export interface Signature {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Writes the body of one function, instruction by instruction, operands first. */
export class FunctionBuilder {
  readonly signature: Signature;
  readonly parameters: readonly Local[];
  private readonly code = new Bytes();
  private readonly locals: ValueType[] = [];
  private readonly free = new Map<ValueType, Local[]>();

  constructor(signature: Signature) {
    this.signature = signature;
    this.parameters = signature.parameters.map((type, index) => ({ index, type }));
  }

  /** A local of the given type, zero at first or left over from one that was released. */
  local(type: ValueType): Local {
    const released = this.free.get(type)?.pop();
    if (released !== undefined) return released;
    this.locals.push(type);
    return { index: this.parameters.length + this.locals.length - 1, type };
  }

  /** Gives a local back for reuse. */
  release(local: Local): void {
    const list = this.free.get(local.type);
    if (list === undefined) this.free.set(local.type, [local]);
    else list.push(local);
  }

  /** An instruction without immediates. */
  op(instruction: PlainInstruction): this {
    const [first, second] = plain[instruction] as readonly number[];
    this.code.byte(first!);
    if (second !== undefined) this.code.unsigned(second);
    return this;
  }

  get({ index }: Local): this {
    this.code.byte(0x20).unsigned(index);
    return this;
  }

  set({ index }: Local): this {
    this.code.byte(0x21).unsigned(index);
    return this;
  }

  tee({ index }: Local): this {
    this.code.byte(0x22).unsigned(index);
    return this;
  }

  /** Reads a global of the module by its index. */
  getGlobal(index: number): this {
    this.code.byte(0x23).unsigned(index);
    return this;
  }

  i32(value: number): this {
    this.code.byte(0x41).signed(value);
    return this;
  }

  i64(value: bigint): this {
    this.code.byte(0x42).signed64(value);
    return this;
  }

  f32(value: number): this {
    this.code.byte(0x43).float32(value);
    return this;
  }

  f64(value: number): this {
    this.code.byte(0x44).float64(value);
    return this;
  }

  /** A constant vector of 16 bytes. */
  v128(bytes: Uint8Array): this {
    this.code.byte(0xfd).unsigned(12).append(bytes);
    return this;
  }

  /** A load or store at the address on the stack plus `offset`. */
  memory(instruction: MemoryInstruction, offset = 0): this {
    const { code, align } = memoryAccess[instruction];
    const [first, second] = code as readonly number[];
    this.code.byte(first!);
    if (second !== undefined) this.code.unsigned(second);
    this.code.unsigned(align).unsigned(offset);
    return this;
  }

  /** Writes the first lane of the vector on the stack to the address below it plus `offset`. */
  storeLane(instruction: LaneStore, offset = 0): this {
    const { code, align } = laneStores[instruction];
    this.code.byte(0xfd).unsigned(code).unsigned(align).unsigned(offset).byte(0);
    return this;
  }

  lane(instruction: LaneInstruction, lane: number): this {
    const [prefix, code] = laneAccess[instruction];
    this.code.byte(prefix).unsigned(code).byte(lane);
    return this;
  }

  /** Picks 16 bytes of two vectors; indices 16 and up are of the second. */
  shuffle(lanes: readonly number[]): this {
    this.code.byte(0xfd).unsigned(13).append(lanes);
    return this;
  }

  call(functionIndex: number): this {
    this.code.byte(0x10).unsigned(functionIndex);
    return this;
  }

  /** Fills `length` bytes; destination, value and length are on the stack. */
  memoryFill(): this {
    this.code.append([0xfc, 0x0b, 0x00]);
    return this;
  }

  /** Copies bytes; destination, source and length are on the stack. */
  memoryCopy(): this {
    this.code.append([0xfc, 0x0a, 0x00, 0x00]);
    return this;
  }

  /** Runs `body` if the condition on the stack is not zero. */
  if(body: () => void, otherwise?: () => void): this {
    this.code.byte(0x04).byte(0x40);
    body();
    if (otherwise !== undefined) {
      this.code.byte(0x05);
      otherwise();
    }
    this.code.byte(0x0b);
    return this;
  }

  /** `do { body } while (condition)`, where `condition` leaves an i32 on the stack. */
  doWhile(body: () => void, condition: () => void): this {
    this.code.byte(0x03).byte(0x40);
    body();
    condition();
    this.code.byte(0x0d).unsigned(0).byte(0x0b);
    return this;
  }

  /**
   * `for (counter = from; counter < end; counter += step)`, tested before the first turn. TurboFan keeps accumulators
   * in registers only behind such a guard.
   */
  forRange(counter: Local, from: Local | number, end: Local | number, step: number, body: () => void): this {
    const push = (value: Local | number) => (typeof value === "number" ? this.i32(value) : this.get(value));
    push(from).set(counter).get(counter);
    return push(end)
      .op("i32.lt_s")
      .if(() => {
        this.doWhile(body, () => {
          this.get(counter).i32(step).op("i32.add").tee(counter);
          push(end).op("i32.lt_s");
        });
      });
  }

  /** The body in the binary format: locals in runs of one type, then the code. */
  encode(): Bytes {
    const runs: [number, ValueType][] = [];
    for (const type of this.locals) {
      const last = runs.at(-1);
      if (last !== undefined && last[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    const body = new Bytes().unsigned(runs.length);
    for (const [count, type] of runs) body.unsigned(count).byte(valueTypes[type]);
    return body.append(this.code.view()).byte(0x0b);
  }
}
