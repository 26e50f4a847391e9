"""The lock between events, which find their viewers known, and what removes viewers or credits orders."""

# Removing a shop's viewers takes this lock exclusively, inserting events takes it shared: a viewer whom a view finds as
# known must not be removed before the view is committed. The credit of an order takes it exclusively, too: each touch
# of a viewer is stored before it, or finds the order. The shared lock is a statement of its own, before the one that
# inserts, because a statement does not see what was committed while it waited.
LOCK_VIEWERS = "SELECT pg_advisory_xact_lock(1986618743, hashtext(:shop_id))"

# In the order of the shops, so that two statements that lock several never wait for each other.
SHARE_VIEWERS = """
    SELECT pg_advisory_xact_lock_shared(1986618743, hashtext(shop_id))
    FROM (
        SELECT DISTINCT popups.shop_id FROM popups WHERE popups.id = ANY (:popup_ids::uuid[]) ORDER BY popups.shop_id
    ) AS named
"""
