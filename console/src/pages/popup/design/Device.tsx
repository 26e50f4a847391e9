import { useEffect, useRef, useState } from "preact/hooks";
import type { PopupDraft } from "../../../api/schema.ts";

export type PreviewState = "form" | "refused" | "thanks" | "empty";

export interface Drawing {
  popup: PopupDraft;
  state: PreviewState;
  isDark: boolean;
  lang: string;
  dir: "ltr" | "rtl";
  words: Record<string, string>;
  /** Whether it takes the focus and clicks, as in the shop. */
  real: boolean;
}

const SIZES = { phone: [390, 740], tablet: [820, 1000], desktop: [1280, 800] } as const;
const MOST_HEIGHT = 620;
const EDGES = 12;

const px = (length: number) => `${length}px`;

/** A frame of that device's size, made smaller to fit. It is an origin of its own, without any right. */
export function Device({ kind, drawing }: { kind: keyof typeof SIZES; drawing: Drawing }) {
  const place = useRef<HTMLDivElement>(null);
  const frame = useRef<HTMLIFrameElement>(null);
  const [room, setRoom] = useState(0);
  const [width, height] = SIZES[kind];
  const scale = Math.min(1, ((room || width) - EDGES) / width, MOST_HEIGHT / height);
  const text = JSON.stringify({ kind: "draw", ...drawing, popup: { ...drawing.popup, id: "preview" } });
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setRoom(entry?.contentRect.width ?? 0));
    if (place.current) watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    // Its origin is opaque, so it has no name to send to; what is sent is no secret.
    const send = () => frame.current?.contentWindow?.postMessage(JSON.parse(text), "*");
    const hear = ({ source, data }: MessageEvent) => {
      if (source === frame.current?.contentWindow && data?.kind === "ready") send();
    };
    addEventListener("message", hear);
    send();
    return () => removeEventListener("message", hear);
  }, [text]);
  return (
    <div class="device" ref={place}>
      <div class={`screen ${kind}`} style={{ width: px(width * scale), height: px(height * scale) }}>
        <iframe
          ref={frame}
          title="The popup as shoppers see it"
          src="./preview.html"
          sandbox="allow-scripts allow-forms"
          style={{ width: px(width), height: px(height), transform: `scale(${scale})` }}
        />
      </div>
    </div>
  );
}
