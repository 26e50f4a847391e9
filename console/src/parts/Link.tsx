import type { ComponentChildren } from "preact";
import { hash, type Place, type Query } from "../addresses.ts";

interface Props {
  to: Place;
  query?: Query;
  class?: string;
  current?: boolean;
  children: ComponentChildren;
}

export function Link({ to, query, current, children, class: name }: Props) {
  return (
    <a href={hash(to, query)} class={name} aria-current={current ? "page" : undefined}>
      {children}
    </a>
  );
}
