// Walking lists. Pages are not ours: some have replaced methods of Array.prototype or given arrays a toJSON.
// Therefore lists are walked by index, never sent through Array methods, spread or for-of, and what is stored or sent
// as JSON holds objects only.

function some(list, test) {
  for (let i = 0; list && i < list.length; i++) if (test(list[i])) return true;
  return false;
}

function find(list, id) {
  let found;
  each(list, (item) => item.id === id && (found = item));
  return found;
}

const each = (list, visit) => some(list, (item) => void visit(item));

const eachKey = (object, visit) => each(Object.keys(object || {}), visit);
