import type { Design } from "../../../api/schema.ts";
import type { useDesign } from "./useDesign.ts";

/** Below a field of a variant: whether it is its own, and the way back to the popup's. */
export function Own({ design, field }: { design: ReturnType<typeof useDesign>; field: keyof Design }) {
  if (!design.variant) return null;
  if (!design.isOwn(field)) return <span class="own">As in the popup</span>;
  return (
    <span class="own">
      Of this variant ·{" "}
      <button type="button" class="link" onClick={() => design.giveBack(field)}>
        as in the popup again
      </button>
    </span>
  );
}
