// A value within another by its dotted path, as the API writes it: "variants.0.design.width". Nothing is changed in place.

type Tree = Record<string, unknown>;

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

export function at(tree: unknown, path: string): unknown {
  let value = tree;
  for (const key of path.split(".")) value = (value as Tree | null | undefined)?.[key];
  return value;
}

/** The tree with another value there. `undefined` takes it away. */
export function put<T>(tree: T, path: string, value: unknown): T {
  const [key = "", ...rest] = path.split(".");
  const inner = rest.length > 0 ? put((tree as Tree)[key] ?? {}, rest.join("."), value) : value;
  if (Array.isArray(tree)) return tree.map((each, index) => (String(index) === key ? inner : each)) as T;
  const copy: Tree = { ...(tree as Tree), [key]: inner };
  if (inner === undefined) delete copy[key];
  return copy as T;
}

/** Deep equality of what JSON can hold, where a field that is missing is undefined. */
export function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, index) => isSame(each, other[index]));
  }
  if (!isTree(one) || !isTree(other)) return one === other;
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((key) => isSame(one[key], other[key]));
}

// Lists, and what has keys of the merchant's own, are one field: the API replaces or merges them as one.
const WHOLE = new Set(["targeting.utm"]);

/** The paths of the fields that differ. */
export function differing(one: unknown, other: unknown, path = ""): string[] {
  if (isSame(one, other)) return [];
  if (!isTree(one) || !isTree(other) || WHOLE.has(path)) return [path];
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return keys.flatMap((key) => differing(one[key], other[key], path ? `${path}.${key}` : key));
}
