import type { OwnFields } from "./useArm.ts";

/** Below a field of a variant: whether it is its own, and the way back to the popup's. */
export function Own({ of, field }: { of: OwnFields; field: string }) {
  if (!of.variant) return null;
  if (!of.isOwn(field)) return <span class="own">As in the popup</span>;
  return (
    <span class="own">
      Of this variant ·{" "}
      <button type="button" class="link" onClick={() => of.giveBack(field)}>
        as in the popup again
      </button>
    </span>
  );
}
