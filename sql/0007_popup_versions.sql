-- Every version that a popup had, and which key made it so. Insert-only, written by the statements that change popups.

CREATE TABLE popup_versions (
    shop_id text NOT NULL,
    popup_id uuid NOT NULL,
    version integer NOT NULL,
    action text NOT NULL,
    -- The version whose content came back.
    restored_version integer,
    api_key_id uuid NOT NULL,
    -- What a merchant may write of it, as the API shows it. NULL where it was deleted.
    popup jsonb,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT popup_versions_pkey PRIMARY KEY (shop_id, popup_id, version),
    CONSTRAINT popup_versions_popup_fkey FOREIGN KEY (shop_id, popup_id) REFERENCES popups (shop_id, id)
        ON DELETE CASCADE,
    CONSTRAINT popup_versions_action_known CHECK (action IN ('created', 'changed', 'restored', 'deleted')),
    CONSTRAINT popup_versions_restored_from_one CHECK ((action = 'restored') = (restored_version IS NOT NULL))
);
