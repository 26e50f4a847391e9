import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Icon } from "./Icon.tsx";

/** Text to take along. Where the clipboard is closed it is marked, for Ctrl-C. */
export function Copy({ text, label }: { text: string; label: string }) {
  const place = useRef<HTMLPreElement>(null);
  const isCopied = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      isCopied.value = true;
    } catch {
      if (place.current) getSelection()?.selectAllChildren(place.current);
    }
  };
  return (
    <div class="copy">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <section tabIndex={0} aria-label={label}>
        <pre ref={place}>{text}</pre>
      </section>
      <button type="button" class="button plain" onClick={copy}>
        <Icon name={isCopied.value ? "check" : "copy"} />
        {isCopied.value ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
