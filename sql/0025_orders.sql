-- Orders: what was bought, on whose word, whose order it was, and which popup gets the credit for it.

-- From then on an order that only browsers have reported is unconfirmed. Set by the shop's first trusted order.
ALTER TABLE shops ADD COLUMN confirmed_since timestamptz;

CREATE TABLE orders (
    shop_id text NOT NULL,
    order_id text NOT NULL,
    source text NOT NULL,
    -- Only 'counted' ones are in any figure; the others are kept so that no late report brings them back.
    state text NOT NULL DEFAULT 'counted',
    -- The report that is counted: the first trusted one, else the browser's.
    report_id uuid NOT NULL,
    -- NULL where the amount is unknown.
    revenue numeric,
    currency text,
    -- As they are compared, in the order's own order.
    codes text[] NOT NULL DEFAULT '{}',
    ordered_at timestamptz NOT NULL,
    -- In the shop's time zone as it was when the order came.
    day date NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    -- A browser's report: the conversion, and what it said.
    conversion_id uuid,
    reported_at timestamptz,
    reported_viewer text,
    reported_popup_id uuid,
    reported_variant_id text,
    reported_device_type text,
    -- Whose order it was: a visitor_id, or a session_id, which leaves with the events; and the key of that viewer.
    recognised_by text,
    viewer_name text,
    viewer bigint,
    -- The viewer who was last told to have bought, or not to.
    settled_viewer bigint,
    -- The popup whose code it was, the last click or capture and the last view before it, with their age in started days.
    code_popup_id uuid,
    code_variant_id text,
    code_device_type text,
    click_popup_id uuid,
    click_variant_id text,
    click_device_type text,
    click_step smallint,
    view_popup_id uuid,
    view_variant_id text,
    view_device_type text,
    view_step smallint,
    -- Whether the tallies hold it. Only within a transaction they do not.
    is_credited boolean NOT NULL DEFAULT false,
    -- Of before this migration: credited to the popup that was reported, under every rule.
    is_credited_as_stored boolean NOT NULL DEFAULT false,
    -- The credit by the last touch in a window of 7 days, which lists show.
    popup_id uuid GENERATED ALWAYS AS (CASE
        WHEN is_credited_as_stored THEN reported_popup_id
        WHEN code_popup_id IS NOT NULL THEN code_popup_id
        WHEN click_step <= 7 THEN click_popup_id
        WHEN view_step <= 7 THEN view_popup_id
        ELSE reported_popup_id END) STORED,
    CONSTRAINT orders_pkey PRIMARY KEY (shop_id, order_id),
    CONSTRAINT orders_shop_fkey FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE CASCADE,
    CONSTRAINT orders_source_known CHECK (source IN ('browser', 'api', 'shopify', 'woocommerce')),
    CONSTRAINT orders_state_known CHECK (state IN ('counted', 'cancelled', 'test', 'deleted')),
    CONSTRAINT orders_recognised_by_known CHECK (recognised_by IN ('visitor_id', 'code', 'email', 'browser')),
    CONSTRAINT orders_money_is_whole CHECK ((revenue IS NULL) = (currency IS NULL))
);

CREATE INDEX orders_shop_id_ordered_at_idx ON orders (shop_id, ordered_at DESC, order_id DESC) WHERE state = 'counted';
CREATE INDEX orders_shop_id_popup_id_idx ON orders (shop_id, popup_id, ordered_at DESC, order_id DESC)
    WHERE state = 'counted';
CREATE INDEX orders_shop_id_source_idx ON orders (shop_id, source, ordered_at DESC, order_id DESC)
    WHERE state = 'counted';
-- The orders that a late touch of a viewer may change.
CREATE INDEX orders_shop_id_viewer_idx ON orders (shop_id, viewer, ordered_at);

CREATE INDEX orders_open_idx ON orders (shop_id) WHERE NOT is_credited;

-- Other names by which a platform's order may be reported, such as the number that the buyer sees.
CREATE TABLE order_aliases (
    shop_id text NOT NULL,
    alias text NOT NULL,
    order_id text NOT NULL,
    CONSTRAINT order_aliases_pkey PRIMARY KEY (shop_id, alias)
);

-- A refund may come before its order, and counts once that is there and in the same currency.
CREATE TABLE refunds (
    shop_id text NOT NULL,
    order_id text NOT NULL,
    refund_id text NOT NULL,
    amount numeric NOT NULL,
    currency text NOT NULL,
    refunded_at timestamptz NOT NULL,
    day date NOT NULL,
    CONSTRAINT refunds_pkey PRIMARY KEY (shop_id, order_id, refund_id),
    CONSTRAINT refunds_shop_fkey FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE CASCADE
);

-- Orders before which a touch was stored after they were credited. Whoever credits orders of the shop works it off.
CREATE TABLE orders_to_credit (
    shop_id text NOT NULL,
    order_id text NOT NULL,
    CONSTRAINT orders_to_credit_pkey PRIMARY KEY (shop_id, order_id)
);

-- Whose credit an order is under each rule, for windows from `step` days on. What moves with the window is +1 at the
-- first window that has it and -1 at the first that has another: the sum over steps up to N is the credit within N days.
-- Without a popup it is nobody's: the nil UUID. What was stored before there were rules is credited under all of them.
CREATE VIEW order_credits AS
SELECT orders.shop_id, orders.order_id, turn.rule, edge.step, edge.sign,
    coalesce(turn.popup_id, '00000000-0000-0000-0000-000000000000') AS popup_id,
    CASE WHEN turn.popup_id IS NULL THEN '' ELSE coalesce(turn.variant_id, '') END AS variant_id,
    CASE WHEN turn.popup_id IS NULL THEN '' ELSE coalesce(turn.device_type, '') END AS device_type
FROM orders
CROSS JOIN LATERAL (
    SELECT 'stored' AS rule, 0 AS step, NULL::smallint AS until, reported_popup_id AS popup_id,
        reported_variant_id AS variant_id, reported_device_type AS device_type
    WHERE is_credited_as_stored
    UNION ALL
    SELECT 'code', 0, NULL, code_popup_id, code_variant_id, code_device_type
    WHERE NOT is_credited_as_stored
    UNION ALL
    SELECT 'click', 0, click_step, NULL, NULL, NULL
    WHERE NOT is_credited_as_stored
    UNION ALL
    SELECT 'click', click_step, NULL, click_popup_id, click_variant_id, click_device_type
    WHERE NOT is_credited_as_stored AND click_step IS NOT NULL
    UNION ALL
    SELECT 'view', 0, view_step, NULL, NULL, NULL
    WHERE NOT is_credited_as_stored
    UNION ALL
    SELECT 'view', view_step, NULL, view_popup_id, view_variant_id, view_device_type
    WHERE NOT is_credited_as_stored AND view_step IS NOT NULL
    UNION ALL
    SELECT 'last_touch', 0, NULL, code_popup_id, code_variant_id, code_device_type
    WHERE NOT is_credited_as_stored AND code_popup_id IS NOT NULL
    UNION ALL
    SELECT 'last_touch', 0, least(view_step, click_step), reported_popup_id, reported_variant_id, reported_device_type
    WHERE NOT is_credited_as_stored AND code_popup_id IS NULL
    UNION ALL
    SELECT 'last_touch', view_step, click_step, view_popup_id, view_variant_id, view_device_type
    WHERE NOT is_credited_as_stored AND code_popup_id IS NULL AND view_step < coalesce(click_step, 32)
    UNION ALL
    SELECT 'last_touch', click_step, NULL, click_popup_id, click_variant_id, click_device_type
    WHERE NOT is_credited_as_stored AND code_popup_id IS NULL AND click_step IS NOT NULL
) AS turn
CROSS JOIN LATERAL (
    SELECT turn.step, 1 AS sign
    UNION ALL
    SELECT turn.until, -1 WHERE turn.until IS NOT NULL
) AS edge;

-- What an order adds to the tallies: itself on its day, each of its refunds on the refund's own.
CREATE VIEW order_steps AS
SELECT orders.shop_id, orders.order_id, orders.ordered_at, orders.is_credited, credit.popup_id, credit.rule, part.day, credit.step,
    credit.variant_id, credit.device_type, coalesce(orders.currency, '') AS currency,
    CASE WHEN orders.source = 'browser' THEN (orders.ordered_at AT TIME ZONE 'UTC')::date ELSE '-infinity' END
        AS browser_day,
    credit.sign * part.orders AS orders, credit.sign * part.revenue AS revenue,
    credit.sign * part.refunded AS refunded
FROM orders
JOIN order_credits AS credit ON credit.shop_id = orders.shop_id AND credit.order_id = orders.order_id
CROSS JOIN LATERAL (
    SELECT orders.day, 1 AS orders, coalesce(orders.revenue, 0) AS revenue,
        0::numeric AS refunded
    UNION ALL
    SELECT refunds.day, 0, 0, refunds.amount
    FROM refunds
    WHERE refunds.shop_id = orders.shop_id AND refunds.order_id = orders.order_id
      AND refunds.currency = orders.currency
) AS part
WHERE orders.state = 'counted';

-- The orders that count, as merchants see them: with the credit by the last touch within 7 days.
CREATE VIEW listed_orders AS
SELECT orders.shop_id, orders.order_id, orders.source,
    orders.source <> 'browser' OR coalesce(orders.ordered_at < shops.confirmed_since, true) AS confirmed,
    orders.revenue, orders.currency, coalesce((
        SELECT sum(refunds.amount)
        FROM refunds
        WHERE refunds.shop_id = orders.shop_id AND refunds.order_id = orders.order_id
          AND refunds.currency = orders.currency
    ), 0) AS refunded,
    orders.ordered_at, orders.recognised_by, orders.popup_id,
    CASE WHEN orders.is_credited_as_stored THEN orders.reported_variant_id
        WHEN orders.code_popup_id IS NOT NULL THEN orders.code_variant_id
        WHEN orders.click_step <= 7 THEN orders.click_variant_id
        WHEN orders.view_step <= 7 THEN orders.view_variant_id
        ELSE orders.reported_variant_id END AS variant_id,
    CASE WHEN orders.is_credited_as_stored THEN 'stored'
        WHEN orders.code_popup_id IS NOT NULL THEN 'code'
        WHEN orders.click_step <= 7 THEN 'click'
        WHEN orders.view_step <= 7 THEN 'view'
        WHEN orders.reported_popup_id IS NOT NULL THEN 'report' END AS reason
FROM orders
JOIN shops ON shops.id = orders.shop_id
WHERE orders.state = 'counted';

CREATE TABLE daily_orders (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    rule text NOT NULL,
    day date NOT NULL,
    step smallint NOT NULL,
    variant_id text NOT NULL,
    device_type text NOT NULL,
    -- The empty string where the amount is unknown.
    currency text NOT NULL,
    -- When an order was placed that only browsers have reported, also for its refunds, as a day in UTC: what is before
    -- the day of shops.confirmed_since counts, what is after it does not. -infinity for trusted orders.
    browser_day date NOT NULL,
    orders bigint NOT NULL,
    revenue numeric NOT NULL,
    refunded numeric NOT NULL,
    CONSTRAINT daily_orders_pkey
        PRIMARY KEY (shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day)
) WITH (fillfactor = 70);

CREATE INDEX daily_orders_shop_id_rule_day_idx ON daily_orders (shop_id, rule, day);

-- What was bought before, credited as it was: the orders whose events are there, and from the tallies the others.
INSERT INTO orders (shop_id, order_id, source, report_id, revenue, currency, ordered_at, day, received_at,
    conversion_id, reported_at, reported_popup_id, reported_variant_id, reported_device_type, is_credited,
    is_credited_as_stored)
SELECT bought.shop_id, bought.order_id, 'browser', bought.event_id,
    CASE WHEN event.currency IS NOT NULL THEN event.revenue END,
    CASE WHEN event.revenue IS NOT NULL THEN event.currency END,
    event.converted_at, (event.converted_at AT TIME ZONE shops.time_zone)::date, event.converted_at,
    bought.event_id, event.converted_at, event.popup_id, event.variant_id, event.device_type, true, true
FROM purchases AS bought
JOIN shops ON shops.id = bought.shop_id
LEFT JOIN foreign_event_ids AS entered ON entered.shop_id = bought.shop_id AND entered.kind = 'conversion'
    AND entered.sent_id = bought.event_id
JOIN popup_conversions AS event ON event.event_id = coalesce(entered.event_id, bought.event_id)
    AND event.shop_id = bought.shop_id;

INSERT INTO daily_orders (shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day, orders,
    revenue, refunded)
SELECT shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day, sum(orders), sum(revenue), 0
FROM order_steps
GROUP BY shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day;

INSERT INTO daily_orders AS tally (shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day,
    orders, revenue, refunded)
SELECT shop_id, popup_id, 'stored', day, 0, variant_id, device_type, currency, day, sum(orders), sum(revenue), 0
FROM (
    SELECT shop_id, popup_id, day, variant_id, device_type, currency, conversions AS orders, revenue
    FROM daily_conversions
    WHERE type = 'purchase'
    UNION ALL
    SELECT shop_id, popup_id, day, variant_id, device_type, currency, -orders, -revenue FROM daily_orders
) AS step
GROUP BY shop_id, popup_id, day, variant_id, device_type, currency
HAVING sum(orders) <> 0 OR sum(revenue) <> 0
ON CONFLICT (shop_id, popup_id, rule, day, step, variant_id, device_type, currency, browser_day) DO UPDATE
SET orders = tally.orders + excluded.orders, revenue = tally.revenue + excluded.revenue;

-- Releases before order_codes knew the code of a purchase only, which has been counted.
INSERT INTO order_codes (shop_id, order_id, code, is_counted)
SELECT DISTINCT orders.shop_id, orders.order_id, upper(normalize(event.discount_code, NFKC)), true
FROM orders
LEFT JOIN foreign_event_ids AS entered ON entered.shop_id = orders.shop_id AND entered.kind = 'conversion'
    AND entered.sent_id = orders.conversion_id
JOIN popup_conversions AS event ON event.event_id = coalesce(entered.event_id, orders.conversion_id)
    AND event.shop_id = orders.shop_id
WHERE event.discount_code IS NOT NULL
ON CONFLICT DO NOTHING;
