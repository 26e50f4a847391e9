// A dozen icons, always beside words. 16 × 16, drawn with lines.

const PATHS = {
  plus: "M8 3v10M3 8h10",
  check: "M3 8.5 6.5 12 13 4.5",
  cross: "M4 4l8 8M12 4l-8 8",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM11 11l3.5 3.5",
  up: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  down: "M8 3v10M3.5 8.5 8 13l4.5-4.5",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 9h6l.5-9",
  more: "M3 7.5v1M8 7.5v1M13 7.5v1",
  window: "M2 3.5h12v9H2zM2 6h12",
  question: "M6 6a2 2 0 1 1 2.8 1.8c-.5.3-.8.6-.8 1.2M8 11.5v.01M8 15A7 7 0 1 0 8 1a7 7 0 0 0 0 14z",
  ticket: "M2 4h12v3a1 1 0 0 0 0 2v3H2V9a1 1 0 0 0 0-2zM9.5 4v8",
  people:
    "M6 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.5 3.2a2.4 2.4 0 0 1 0 4.6M12 9.8c1.6.6 2.5 1.9 2.5 3.7",
  bag: "M3 5h10l.8 9H2.2zM5.5 5V4a2.5 2.5 0 0 1 5 0v1",
  shop: "M2 6l1.2-3.5h9.6L14 6M3 6v7.5h10V6M2 6h12M6.5 13.5V9.5h3v4",
  key: "M6 10.5a3 3 0 1 1 2.3-1.1L14 9.4v2h-1.5V13H10.5v-1.6H8.3",
  out: "M6.5 3H3v10h3.5M7 8h7M11 5l3 3-3 3",
  phone: "M5 1.5h6v13H5zM7.5 12.5h1",
  tablet: "M3.5 1.5h9v13h-9zM7.5 12.5h1",
  desktop: "M1.5 3h13v8h-13zM5.5 14h5M8 11v3",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  refresh: "M13 8a5 5 0 1 1-1.5-3.5M13 2v3h-3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
