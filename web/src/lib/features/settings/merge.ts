/** What a person typed, after someone else has saved the same form. */
export type Merged<D> = { draft: D; conflicts: (keyof D)[] };

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** Return the fields in which two drafts differ. */
export function differences<D extends object>(one: D, other: D): (keyof D)[] {
  return (Object.keys(one) as (keyof D)[]).filter((key) => !same(one[key], other[key]));
}

/** Take over what others changed in fields that the person left alone, and name the fields that both changed. */
export function merge<D extends object>(mine: D, before: D, theirs: D): Merged<D> {
  const changed = new Set(differences(mine, before));
  const draft = { ...mine };
  for (const key of differences(before, theirs)) if (!changed.has(key)) draft[key] = theirs[key];
  const conflicts = differences(before, theirs).filter((key) => changed.has(key) && !same(mine[key], theirs[key]));
  return { draft, conflicts };
}
