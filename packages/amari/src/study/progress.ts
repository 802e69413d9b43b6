/** Who is told how far a long job is. */
export interface Progress {
  /** The units of work there are. */
  begin(total: number): void;
  /** Names what is going on. */
  stage(label: string): void;
  advance(units: number): void;
  end(): void;
}
