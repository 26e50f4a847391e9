-- Subscribers found quickly, their consent kept as proof, and everything that must forget a person who is erased.

-- Under which name the person holds single-use codes (single_use_codes.claimed_by).
ALTER TABLE email_subscribers ADD COLUMN claimer text;

-- Finds addresses by how they start; bytes, so that it does not depend on the database's collation.
CREATE INDEX email_subscribers_shop_id_email_idx ON email_subscribers (shop_id, email_normalized COLLATE "C");

-- Insert-only: that a consent was withdrawn is a row of its own.
CREATE TABLE email_consents (
    shop_id text NOT NULL,
    subscriber_id uuid NOT NULL,
    -- The conversion that brought the consent; of a withdrawal an id of its own.
    id uuid NOT NULL,
    type text NOT NULL,
    -- What the person read and where. NULL for a withdrawal.
    consent_text text,
    popup_id uuid,
    popup_version integer,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT email_consents_pkey PRIMARY KEY (shop_id, subscriber_id, id),
    CONSTRAINT email_consents_type_known CHECK (type IN ('given', 'withdrawn')),
    CONSTRAINT email_consents_given_is_whole
        CHECK (type = 'withdrawn' OR (consent_text, popup_id, popup_version) IS NOT NULL)
);

-- Erasure finds a person's events by visitor and by visit. Both are version-7 UUIDs where our script made them, so
-- these indexes grow at their right edge, too.
CREATE INDEX popup_views_visitor_id_idx ON popup_views (visitor_id) WHERE visitor_id IS NOT NULL;
CREATE INDEX popup_conversions_visitor_id_idx ON popup_conversions (visitor_id) WHERE visitor_id IS NOT NULL;
CREATE INDEX popup_conversions_session_id_idx ON popup_conversions (session_id);
