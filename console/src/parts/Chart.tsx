// Lines by day. The place of a day is its number and not a time, so that no time zone can move it.

import { useState } from "preact/hooks";
import { gridOf } from "../grid.ts";
import { day as dayWords } from "../numbers.ts";
import { useWidth } from "./useWidth.ts";

export interface Mark {
  day: string;
  text: string;
}

interface Props {
  /** What the picture says, in a sentence. */
  title: string;
  days: string[];
  values: (number | null)[];
  /** Of the period before, day by day. */
  before?: (number | null)[];
  /** The shop's today: its value is unfinished. */
  today: string;
  marks?: Mark[];
  format: (value: number) => string;
  /** Whether it counts: half a viewer is none. */
  whole?: boolean;
}

const HEIGHT = 240;
const EDGE = { left: 8, right: 8, top: 26, bottom: 26 };

export function Chart({ title, days, values, before = [], today, marks = [], format, whole }: Props) {
  const [place, width] = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const known = [...values, ...before].filter((value) => value !== null);
  const grid = gridOf(Math.max(0, ...known), { whole });
  const top = grid.at(-1) ?? 1;
  const x = (index: number) =>
    EDGE.left + (days.length < 2 ? 0.5 : index / (days.length - 1)) * (width - EDGE.left - EDGE.right);
  const y = (value: number) => HEIGHT - EDGE.bottom - (value / top) * (HEIGHT - EDGE.top - EDGE.bottom);
  const line = (list: (number | null)[]) =>
    list.map((value, index) => (value === null ? "" : `${pen(list, index)}${x(index)} ${y(value)}`)).join("");
  const open = days.indexOf(today);
  const finished = open > 0 ? values.slice(0, open) : values;
  const last = values[open];
  const previous = values[open - 1];
  const move = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const share = (event.clientX - box.left - EDGE.left) / (width - EDGE.left - EDGE.right);
    setAt(Math.min(days.length - 1, Math.max(0, Math.round(share * (days.length - 1)))));
  };
  return (
    <div class="chart" ref={place}>
      <svg
        width={width}
        height={HEIGHT}
        role="img"
        aria-label={title}
        onPointerMove={move}
        onPointerLeave={() => setAt(null)}
      >
        {grid.map((value) => (
          <g key={value} class="grid">
            <line x1={EDGE.left} x2={width - EDGE.right} y1={y(value)} y2={y(value)} />
            <text x={EDGE.left} y={y(value) - 4}>
              {format(value)}
            </text>
          </g>
        ))}
        {marks.map((mark, index) => (
          <g key={index} class="mark" transform={`translate(${x(days.indexOf(mark.day))} 0)`}>
            <line y1={EDGE.top - 8} y2={HEIGHT - EDGE.bottom} />
            <circle cy={EDGE.top - 10} r="4">
              <title>{mark.text}</title>
            </circle>
          </g>
        ))}
        <path class="line before" d={line(before)} />
        <path class="line now" d={line(finished)} />
        {open > 0 && last != null && previous != null && (
          <path class="line open" d={`M${x(open - 1)} ${y(previous)}L${x(open)} ${y(last)}`} />
        )}
        {at !== null && values[at] != null && (
          <g class="here">
            <line x1={x(at)} x2={x(at)} y1={EDGE.top} y2={HEIGHT - EDGE.bottom} />
            <circle cx={x(at)} cy={y(values[at])} r="4" />
          </g>
        )}
        <text class="end" x={EDGE.left} y={HEIGHT - 8}>
          {dayWords(days[0] ?? today)}
        </text>
        <text class="end last" x={width - EDGE.right} y={HEIGHT - 8}>
          {dayWords(days.at(-1) ?? today)}
        </text>
      </svg>
      <input
        type="range"
        aria-label="Day"
        aria-valuetext={told(at ?? days.length - 1)}
        min={0}
        max={days.length - 1}
        value={at ?? days.length - 1}
        onInput={(event) => setAt(event.currentTarget.valueAsNumber)}
        onBlur={() => setAt(null)}
      />
      <p class="hint">{at === null ? legend(before.length > 0, open > 0, marks.length > 0) : told(at)}</p>
    </div>
  );

  function told(index: number): string {
    const text = (value: number | null | undefined) => (value == null ? "none" : format(value));
    const then = before.length > 0 ? `, the period before ${text(before[index])}` : "";
    const edits = marks.filter((mark) => mark.day === days[index]).map((mark) => `. ${mark.text}`);
    const unfinished = days[index] === today ? " (unfinished)" : "";
    return `${dayWords(days[index] ?? today)}: ${text(values[index])}${unfinished}${then}${edits.join("")}`;
  }
}

/** A line begins anew after a day without a value. */
const pen = (list: (number | null)[], index: number) => (index === 0 || list[index - 1] === null ? "M" : "L");

function legend(hasBefore: boolean, isOpen: boolean, hasMarks: boolean): string {
  const parts = [
    hasBefore && "Dotted: the period before.",
    isOpen && "Dashed: today, which is not over.",
    hasMarks && "Points above: edits.",
  ];
  return parts.filter(Boolean).join(" ") || "Point at a day, or step through them by the arrow keys.";
}
