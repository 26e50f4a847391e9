import type { Funnel } from "../../../api/schema.ts";
import { count, percent } from "../../../numbers.ts";

/** From who saw it to who bought: bars, each with its number and its share of the viewers. */
export function FunnelPicture({ funnel, goal }: { funnel: Funnel; goal: string }) {
  const steps: [string, number][] = [
    ["saw it", funnel.viewers],
    [goal, funnel.converters],
    ["used the code", funnel.codes_used],
    ["orders", funnel.orders],
  ];
  const most = Math.max(1, funnel.viewers);
  return (
    <section class="card stack" aria-labelledby="funnel">
      <h2 id="funnel">From viewers to orders</h2>
      <ol class="funnel">
        {steps.map(([text, number]) => (
          <li key={text}>
            <span class="bar" style={{ width: `${Math.min(100, (number / most) * 100)}%` }} />
            <b>{count(number)}</b> {text}
            {funnel.viewers > 0 && <span class="hint"> {percent(number / funnel.viewers)}</span>}
          </li>
        ))}
      </ol>
      {funnel.closes > 0 && <p class="hint">It was closed {count(funnel.closes)} times.</p>}
    </section>
  );
}
