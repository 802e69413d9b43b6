import { kernelExpressions } from "@amari/core/backend";
import { KernelWriter } from "./kernel-writer.ts";
import { product } from "./passes.ts";
import { neighbours, quad, stepOf } from "./quads.ts";
import { flatWorkgroup, gridOf, groupNumber, type Shader } from "./shader.ts";

/** Writes a kernel without folds whose invocations compute four neighbours each. */
export class QuadWriter extends KernelWriter {
  write(): Shader {
    const { loops, phases } = this.kernel;
    const { stores } = phases[0]!;
    const total = product(loops) / quad;
    this.size = flatWorkgroup(total);
    this.cells = this.cellsOfQuads();
    const main = this.scope();
    main.line(`let place = i32(${groupNumber} * ${this.size}u + lane);`);
    main.line(`if (place >= ${total}) { return; }`);
    main.line(`let point = place * ${quad};`);
    this.splitPlace(main, "point", loops, 0);
    const roots = stores.map(({ value }) => value);
    const loads = kernelExpressions(this.kernel).filter((e) => e.kind === "load");
    this.loadQuads(
      main,
      loads.filter(({ access }) => stepOf(access) === "on"),
    );
    this.hoist(main, roots, ({ access }) => stepOf(access) === "still");
    // All are computed before any is stored: a result may take the memory of an operand.
    const words = neighbours.map((neighbour) => {
      this.neighbour = neighbour;
      const scope = main.child();
      const values = stores.map((store) => this.inQuad(store, scope));
      main.append(scope);
      return values;
    });
    this.neighbour = 0;
    stores.forEach((store, i) => {
      const four = words.map((values) => values[i]!);
      for (const line of this.putQuad(store, four)) main.line(line);
    });
    return { text: this.assemble(main), groups: gridOf(Math.ceil(total / this.size)) };
  }
}
