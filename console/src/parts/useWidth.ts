import { useEffect, useRef, useState } from "preact/hooks";

const LEAST = 200;

/** How wide a picture may be: drawn at that size its words are as large as all others. */
export function useWidth() {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.max(LEAST, entry?.contentRect.width ?? 640)));
    if (place.current) watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  return [place, width] as const;
}
