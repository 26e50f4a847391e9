"""The SQL that counts orders in experiments.

It belongs to the transaction that credits orders, while they are open (_crediting.py). Whichever popup gets the credit,
an order counts in every comparison that its viewer had met before it and that was open when it came. It must be known
by the visitor: a visitor who was shown nothing leaves no address and holds no code, so orders known only by those would
count in one arm and not in the other. If an address or a code says whose an order is, it counts in experiments for the
visitor whose browser reported it.
"""

from __future__ import annotations

from common.postgres import read_statement

# Fixed once, with the first order of a viewer of the stretch: the 99th percentile of the shop's orders in the 90 days
# before the comparison began (before now, while only the holdout was met), none of fewer than 200.
FIX_CAPS = """
    UPDATE experiment_stretches AS begun
    SET is_cap_fixed = true, most_paid = (
        SELECT CASE WHEN count(*) >= 200 THEN percentile_disc(0.99) WITHIN GROUP (ORDER BY earlier.revenue) END
        FROM orders AS earlier
        WHERE earlier.shop_id = :shop_id AND earlier.state = 'counted' AND earlier.currency = begun.currency
          AND earlier.ordered_at >= coalesce(begun.exposed_at, begun.viewed_at, now()) - interval '90 days'
          AND earlier.ordered_at < coalesce(begun.exposed_at, begun.viewed_at, now())
    )
    WHERE begun.shop_id = :shop_id AND NOT begun.is_cap_fixed AND (begun.popup_id, begun.stretch) IN (
        SELECT met.popup_id, met.stretch
        FROM orders
        JOIN stretch_viewers AS met ON met.shop_id = :shop_id AND met.viewer IN (orders.viewer, orders.visitor)
        WHERE orders.shop_id = :shop_id AND NOT orders.is_credited
    )
"""

SETTLE_COMPARISONS = read_statement(__file__, "settle_comparisons.sql")
