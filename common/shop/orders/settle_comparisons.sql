-- Makes the rows of the viewers of open orders what their orders say, and changes the sums by the difference. Returns
-- the popups whose sums have changed.
WITH named AS MATERIALIZED (
    SELECT DISTINCT of_order.viewer
    FROM orders
    CROSS JOIN LATERAL unnest(ARRAY[viewer, settled_viewer, visitor, settled_visitor]) AS of_order (viewer)
    WHERE shop_id = :shop_id AND NOT is_credited AND of_order.viewer IS NOT NULL
), possible AS MATERIALIZED (
    SELECT named.viewer, orders.order_id, orders.recognised_by IN ('visitor_id', 'browser') AS is_by_visitor
    FROM named
    JOIN orders ON orders.shop_id = :shop_id AND orders.viewer = named.viewer AND orders.state = 'counted'
        AND orders.visitor IS NULL
    UNION ALL
    SELECT named.viewer, orders.order_id, true
    FROM named
    JOIN orders ON orders.shop_id = :shop_id AND orders.visitor = named.viewer AND orders.state = 'counted'
), bought AS MATERIALIZED (
    SELECT possible.viewer, possible.is_by_visitor, orders.ordered_at, orders.received_at, orders.revenue,
        orders.currency
    FROM possible
    JOIN orders ON orders.shop_id = :shop_id AND orders.order_id = possible.order_id
    JOIN shops ON shops.id = :shop_id
    WHERE orders.source <> 'browser' OR shops.confirmed_since IS NULL
        OR orders.ordered_at < shops.confirmed_since
), before AS MATERIALIZED (
    SELECT met.viewer, met.popup_id, met.stretch, met.variant_id, met.met_by, met.orders, met.left_out, met.paid,
        met.capped, met.met_at, begun.currency, begun.most_paid, coalesce(begun.ended_at, 'infinity') AS ended_at
    FROM named
    JOIN stretch_viewers AS met ON met.shop_id = :shop_id AND met.viewer = named.viewer
    JOIN experiment_stretches AS begun ON begun.shop_id = :shop_id AND begun.popup_id = met.popup_id
        AND begun.stretch = met.stretch
    WHERE met.met_by > 0
), counted AS MATERIALIZED (
    SELECT before.viewer, before.popup_id, before.stretch,
        (count(bought.viewer) FILTER (WHERE bought.is_by_visitor))::integer AS orders,
        (count(bought.viewer) FILTER (WHERE NOT bought.is_by_visitor))::integer AS left_out,
        coalesce(sum(bought.revenue) FILTER (
            WHERE bought.is_by_visitor AND bought.currency = before.currency), 0) AS paid,
        coalesce(sum(least(bought.revenue, before.most_paid)) FILTER (
            WHERE bought.is_by_visitor AND bought.currency = before.currency), 0) AS capped
    FROM before
    LEFT JOIN bought ON bought.viewer = before.viewer AND bought.ordered_at >= before.met_at
        AND bought.received_at < before.ended_at
    GROUP BY before.viewer, before.popup_id, before.stretch
), changed AS (
    UPDATE stretch_viewers AS met
    SET orders = counted.orders, left_out = counted.left_out, paid = counted.paid, capped = counted.capped
    FROM counted
    WHERE met.shop_id = :shop_id AND met.viewer = counted.viewer AND met.popup_id = counted.popup_id
      AND met.stretch = counted.stretch
      AND (met.orders, met.left_out, met.paid, met.capped)
        IS DISTINCT FROM (counted.orders, counted.left_out, counted.paid, counted.capped)
    RETURNING met.viewer, met.popup_id, met.stretch, met.variant_id, met.met_by, met.orders, met.left_out, met.paid,
        met.capped
)
INSERT INTO stretch_tallies AS tally (shop_id, popup_id, stretch, variant_id, met_by, viewers, bought, left_out,
    paid, paid_squares, capped, capped_squares, capped_cubes)
SELECT :shop_id, popup_id, stretch, variant_id, met_by, 0, sum(sign * least(orders, 1)), sum(sign * left_out),
    sum(sign * paid), sum(sign * paid * paid), sum(sign * capped), sum(sign * capped * capped),
    sum(sign * capped * capped * capped)
FROM (
    SELECT 1 AS sign, popup_id, stretch, variant_id, met_by, orders, left_out, paid, capped
    FROM changed
    UNION ALL
    SELECT -1, before.popup_id, before.stretch, before.variant_id, before.met_by, before.orders, before.left_out,
        before.paid, before.capped
    FROM before
    JOIN changed ON changed.viewer = before.viewer AND changed.popup_id = before.popup_id
        AND changed.stretch = before.stretch
) AS step
GROUP BY popup_id, stretch, variant_id, met_by
ORDER BY popup_id, stretch, variant_id, met_by
ON CONFLICT (shop_id, popup_id, stretch, variant_id, met_by) DO UPDATE
SET bought = tally.bought + excluded.bought, left_out = tally.left_out + excluded.left_out,
    paid = tally.paid + excluded.paid, paid_squares = tally.paid_squares + excluded.paid_squares,
    capped = tally.capped + excluded.capped, capped_squares = tally.capped_squares + excluded.capped_squares,
    capped_cubes = tally.capped_cubes + excluded.capped_cubes
RETURNING popup_id
