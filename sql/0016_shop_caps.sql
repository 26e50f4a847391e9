-- What the storefront script must know of a shop to be kind to its shoppers. New shops and those of before get the same:
-- functions/manage_popups/shop.py has the defaults once more, for a merchant who takes a setting back.

ALTER TABLE shops
    ADD COLUMN popups_per_visit integer NOT NULL DEFAULT 2,
    ADD COLUMN seconds_between_popups integer NOT NULL DEFAULT 60,
    -- Page patterns. Who pays is not interrupted: the checkouts of the usual shop systems, in the usual languages.
    ADD COLUMN never_on_pages text[] NOT NULL DEFAULT ARRAY[
        '/checkout*', '/checkouts*', '/*/checkout*', '/order-pay*', '/*/order-pay*', '/kasse*', '/*/kasse', '/*/kasse/*',
        '/kassa*', '/commande*', '/*/commande*', '/pagamento*', '/finalizar-compra*', '/afrekenen*'
    ],
    -- Of all visitors, those who are shown no popup at all. Under a name that no column of popups has:
    -- get_active_popups of 1.0.0 reads both tables and says holdout_percent alone.
    ADD COLUMN shop_holdout_percent integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT shops_popups_per_visit_range CHECK (popups_per_visit BETWEEN 0 AND 100),
    ADD CONSTRAINT shops_seconds_between_popups_range CHECK (seconds_between_popups BETWEEN 0 AND 86400),
    ADD CONSTRAINT shops_shop_holdout_percent_range CHECK (shop_holdout_percent BETWEEN 0 AND 100);
