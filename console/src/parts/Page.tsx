import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  title: string;
  /** Of the window, where the heading alone does not tell. */
  about?: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
  before?: ComponentChildren;
}

let isFirst = true;

/** A page: its heading gets the focus when it comes, which is how a screen reader hears of it. */
export function Page({ title, about, actions, children, before }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!isFirst) heading.current?.focus({ preventScroll: true });
    if (!isFirst) scrollTo(0, 0);
    isFirst = false;
  }, []);
  useEffect(() => {
    document.title = `${about ?? title} · Console`;
  }, [title, about]);
  return (
    <div class="page">
      {before}
      <header class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
