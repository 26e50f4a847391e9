-- Whose an order is in experiments where an address or a code says whose it was: the viewer whose browser reported it, and
-- the one who was last told so. NULL: it is the order's viewer's, or known by an address or a code only.
ALTER TABLE orders ADD COLUMN visitor bigint, ADD COLUMN settled_visitor bigint;
