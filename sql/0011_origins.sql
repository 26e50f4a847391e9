-- Browsers leave a default port out of the Origin they send: with one in its list, a shop's every event was refused.
-- Whatever else the API has taken so far is in their form already, and from now on it drops such a port itself.

UPDATE shops
SET allowed_origins = ARRAY(
    SELECT regexp_replace(origin, '^(https://.+):443$|^(http://.+):80$', '\1\2')
    FROM unnest(allowed_origins) WITH ORDINALITY AS listed (origin, place)
    ORDER BY place
)
WHERE EXISTS (SELECT FROM unnest(allowed_origins) AS origin WHERE origin ~ '^https://.+:443$|^http://.+:80$');
