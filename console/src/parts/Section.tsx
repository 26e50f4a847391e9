import type { ComponentChildren } from "preact";

interface Props {
  id: string;
  title: string;
  /** How it is set now, in words: readable while it is closed. */
  says: ComponentChildren;
  children: ComponentChildren;
  open?: boolean;
}

/** A part of a long form that can be closed. Its element keeps whether it is open. */
export function Section({ id, title, says, children, open }: Props) {
  return (
    <details class="section" id={`section-${id}`} open={open}>
      <summary>
        <h2>{title}</h2>
        <span class="says">{says}</span>
      </summary>
      <div class="stack">{children}</div>
    </details>
  );
}
