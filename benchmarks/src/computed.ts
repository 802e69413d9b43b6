import { type Tensor, treeLeaves } from "amari";

/**
 * Computes all tensors of a tree and frees them, so that a case costs what it says: nothing runs before a value is wanted,
 * and what is never freed makes later samples pay for collecting it.
 */
export function computed(tree: unknown): void {
  const leaves: readonly Tensor[] = treeLeaves(tree);
  for (const leaf of leaves) leaf.realise();
  for (const leaf of leaves) leaf.dispose();
}
