// Estimates with their intervals, one under the other on one scale.

import { gridOf } from "../grid.ts";
import { useWidth } from "./useWidth.ts";

export interface Range {
  name: string;
  value: number;
  low: number;
  high: number;
  isBest: boolean;
}

const ROW = 46;
const LEFT = 12;

export function Intervals({
  title,
  rows,
  format,
}: {
  title: string;
  rows: Range[];
  format: (value: number) => string;
}) {
  const [place, width] = useWidth();
  const grid = gridOf(Math.max(0, ...rows.map(({ high }) => high)));
  const top = grid.at(-1) ?? 1;
  const height = rows.length * ROW + 30;
  const x = (value: number) => LEFT + (Math.max(0, value) / top) * (width - 2 * LEFT);
  return (
    <div class="intervals" ref={place}>
      <svg width={width} height={height} role="img" aria-label={`${title}: ${told(rows, format)}`}>
        {grid.map((value) => (
          <g key={value}>
            <line class="grid" x1={x(value)} x2={x(value)} y1={4} y2={height - 24} />
            <text
              class="axis"
              x={x(value)}
              y={height - 8}
              text-anchor={value === 0 ? "start" : value === top ? "end" : "middle"}
            >
              {format(value)}
            </text>
          </g>
        ))}
        {rows.map(({ name, value, low, high, isBest }, index) => {
          const y = index * ROW + 32;
          return (
            <g key={name} class={isBest ? "best" : undefined}>
              <text x={LEFT} y={y - 13}>
                {name}: {format(value)} ({format(low)} to {format(high)})
              </text>
              <line class="range" x1={x(low)} x2={x(high)} y1={y} y2={y} />
              <circle cx={x(value)} cy={y} r="6" />
            </g>
          );
        })}
      </svg>
    </div>
  );
}

const told = (rows: Range[], format: (value: number) => string) =>
  rows
    .map(({ name, value, low, high }) => `${name} ${format(value)}, between ${format(low)} and ${format(high)}`)
    .join("; ");
