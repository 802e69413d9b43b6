/**
 * A variable of the environment. Undefined where it is empty or not set, where there is no environment, as in browsers, and
 * where the program may not read it, as in Deno without a permission.
 */
export function environmentVariable(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  try {
    return process?.env?.[name] || undefined;
  } catch {
    return undefined;
  }
}
