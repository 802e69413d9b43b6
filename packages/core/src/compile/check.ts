import type { Schedule } from "./schedule.ts";

type Check = (schedule: Schedule) => void;

let check: Check | null = null;

/** What every schedule is shown to before it is compiled; a validator is no part of a program's bundle unless it is set. */
export function setCheck(next: Check | null): void {
  check = next;
}

/** The schedule, checked if there is a check. */
export function checked(schedule: Schedule): Schedule {
  check?.(schedule);
  return schedule;
}
