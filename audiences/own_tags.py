"""Tags that the account puts on contacts itself. Those of ServiceTitan belong to the sync."""

from collections.abc import Sequence

from common import sql


def add(account_id: int, contact_ids: Sequence[int], names: Sequence[str]) -> None:
    """Put these tags on these contacts; a name nobody has used yet becomes a tag. Case does not matter."""
    if not names or not contact_ids:
        return
    sql.run(
        """
        INSERT INTO audiences_tag (account_id, name, active)
        SELECT %s, n, true FROM unnest(%s::text[]) AS n ORDER BY lower(n)
        ON CONFLICT DO NOTHING
        """,
        [account_id, list(names)],
    )
    sql.run(
        """
        INSERT INTO audiences_contacttag (contact_id, tag_id)
        SELECT c, t.id FROM unnest(%s::bigint[]) AS c CROSS JOIN audiences_tag t
        WHERE t.account_id = %s AND t.servicetitan_id IS NULL AND lower(t.name) = ANY(%s)
        ORDER BY 1, 2 ON CONFLICT DO NOTHING
        """,
        [list(contact_ids), account_id, [name.lower() for name in names]],
    )


def remove(account_id: int, contact_ids: Sequence[int], names: Sequence[str]) -> None:
    """Take these tags of the account's own from these contacts."""
    if not names or not contact_ids:
        return
    sql.run(
        """
        DELETE FROM audiences_contacttag ct USING audiences_tag t
        WHERE t.id = ct.tag_id AND t.account_id = %s AND t.servicetitan_id IS NULL
          AND lower(t.name) = ANY(%s) AND ct.contact_id = ANY(%s)
        """,
        [account_id, [name.lower() for name in names], list(contact_ids)],
    )
