// Walking lists. Pages are not ours: some have replaced methods of Array.prototype or given arrays a toJSON.
// Therefore lists are walked by index, never sent through Array methods, spread or for-of, and what is stored or sent
// as JSON holds objects only.

/**
 * @template T
 * @param {ArrayLike<T> | null | undefined} list
 * @param {(item: T) => unknown} test
 */
export function some(list, test) {
  for (let i = 0; list && i < list.length; i++) if (test(list[i])) return true;
  return false;
}

/**
 * @template {{ id: string }} T
 * @param {T[] | null | undefined} list
 * @param {unknown} id
 * @returns {T | undefined}
 */
export function find(list, id) {
  let found;
  each(list, (item) => item.id === id && (found = item));
  return found;
}

/**
 * @template T
 * @param {ArrayLike<T> | null | undefined} list
 * @param {(item: T) => unknown} visit
 */
export const each = (list, visit) => some(list, (item) => void visit(item));

/**
 * @param {object | null | undefined} object
 * @param {(key: string) => unknown} visit
 */
export const eachKey = (object, visit) => each(Object.keys(object || {}), visit);
