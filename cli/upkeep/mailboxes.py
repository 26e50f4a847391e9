"""Normalize subscribers' addresses, and merge subscribers that are one mailbox.

Earlier releases stored addresses as typed, in lower case, and still do so while they are being replaced. A person who
unsubscribed under one spelling stays unsubscribed; consents and codes are kept.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from common.postgres import Duplicate
from common.postgres.driver import Connection
from common.shop.emails import canonical, normalized

BATCH_ROWS = 1000

# An index knows these few: what is ASCII, and no domain in another script, has one spelling.
SELECT_SPELLINGS = """
    SELECT shop_id, id, email_normalized, claimer
    FROM email_subscribers
    WHERE (octet_length(email_normalized) <> length(email_normalized) OR email_normalized LIKE '%xn--%')
      AND (shop_id, id) > (:shop_id, (:id)::uuid)
    ORDER BY shop_id, id
    LIMIT :batch_rows
"""

LOCK_MAILBOX = """
    SELECT id
    FROM email_subscribers
    WHERE shop_id = :shop_id AND (id = :id OR email_normalized = :form)
    ORDER BY id
    FOR UPDATE
"""

# A person who holds a code of the same pool under both spellings keeps both, and a retry returns the one.
RENAME_CLAIMS = """
    UPDATE single_use_codes AS claim
    SET claimed_by = CASE WHEN held.code IS NULL THEN :claimer ELSE 'merged:' || gen_random_uuid() END
    FROM discount_codes AS pool
    LEFT JOIN single_use_codes AS held ON held.shop_id = :shop_id AND held.discount_code_id = pool.id
        AND held.claimed_by = :claimer
    WHERE pool.shop_id = :shop_id AND pool.single_use
      AND claim.shop_id = :shop_id AND claim.discount_code_id = pool.id AND claim.claimed_by = :old_claimer
"""

RENAME_SUBSCRIBER = """
    UPDATE email_subscribers
    SET email_normalized = :form, claimer = :claimer
    WHERE shop_id = :shop_id AND id = :id
"""

# `id` is deleted; all that referred to it moves to the subscriber that has the normalized address.
MERGE_SUBSCRIBERS = """
    WITH kept AS MATERIALIZED (
        SELECT * FROM email_subscribers WHERE shop_id = :shop_id AND email_normalized = :form
    ), gone AS (
        DELETE FROM email_subscribers WHERE shop_id = :shop_id AND id = :id RETURNING *
    ), consents AS (
        UPDATE email_consents SET subscriber_id = kept.id
        FROM kept
        WHERE email_consents.shop_id = :shop_id AND subscriber_id = :id
    ), conversions AS (
        UPDATE popup_conversions SET subscriber_id = kept.id
        FROM kept
        WHERE popup_conversions.shop_id = :shop_id AND subscriber_id = :id
    )
    UPDATE email_subscribers AS subscriber
    SET name = coalesce(CASE WHEN gone.created_at < kept.created_at THEN gone.name END, kept.name, gone.name),
        popup_id = CASE WHEN gone.created_at < kept.created_at THEN gone.popup_id ELSE kept.popup_id END,
        created_at = least(kept.created_at, gone.created_at),
        is_active = kept.is_active AND gone.is_active,
        unsubscribed_at = greatest(kept.unsubscribed_at, gone.unsubscribed_at),
        consent_text = CASE WHEN gone.consented_at > kept.consented_at OR kept.consented_at IS NULL
            THEN gone.consent_text ELSE kept.consent_text END,
        consented_at = greatest(kept.consented_at, gone.consented_at)
    FROM kept CROSS JOIN gone
    WHERE subscriber.shop_id = :shop_id AND subscriber.id = kept.id
"""


def unify_mailboxes(connection: Connection, say: Callable[[str], None]) -> None:
    changed = 0
    last: dict[str, Any] = {"shop_id": "", "id": "00000000-0000-0000-0000-000000000000"}
    while rows := connection.fetch_all(SELECT_SPELLINGS, **last, batch_rows=BATCH_ROWS):
        changed += sum(_unify(connection, row) for row in rows)
        last = {name: rows[-1][name] for name in ("shop_id", "id")}
    if changed:
        say(f"brought {changed} e-mail addresses into their one form")


def _unify(connection: Connection, row: dict[str, Any]) -> bool:
    """Normalize the subscriber's address, or merge the subscriber into the one that has that address.

    Return whether anything changed. A subscriber that conflicts with a concurrent change is left to the next run.
    """
    form = normalized(row["email_normalized"])
    if form is None or form == row["email_normalized"]:
        return False
    claimer = f"email:{canonical(form)}"
    person = {"shop_id": row["shop_id"], "id": row["id"], "form": form}
    with suppress(Duplicate), connection.transaction():
        is_known = len(connection.fetch_all(LOCK_MAILBOX, **person)) > 1
        old_claimer = row["claimer"] or f"email:{canonical(row['email_normalized'])}"
        if old_claimer != claimer:
            connection.execute(RENAME_CLAIMS, shop_id=row["shop_id"], claimer=claimer, old_claimer=old_claimer)
        if is_known:
            connection.execute(MERGE_SUBSCRIBERS, **person)
        else:
            connection.execute(RENAME_SUBSCRIBER, **person, claimer=claimer)
        return True
    return False
