"""Written consents that come with a file: for every phone, unless a wish or an owner since is against it."""

from collections.abc import Sequence
from datetime import datetime, time

from audiences.imports.addresses import KnownAddresses
from audiences.imports.matching import Group
from audiences.locks import lock_addresses
from audiences.models import Consent, ContactImport
from common import sql

KINDS = {
    ContactImport.Ground.TEXTS: (Consent.Kind.TEXTS,),
    ContactImport.Ground.CALLS: (Consent.Kind.TEXTS, Consent.Kind.RECORDED_CALLS),
}


def record_consents(
    listed: ContactImport, groups: Sequence[Group], addresses: KnownAddresses, *, now: datetime
) -> int:
    """Record what the people of a piece agreed to; how many are new.

    The obstacles are those of `consent_records`: a wish in force, a wish since, another owner since, a
    consent in force. A day begins at midnight in the account's zone.
    """
    zone = listed.account.zone
    rows: dict[int, tuple[int, int, datetime, str]] = {}
    for group in groups:
        for person in group.people:
            day = person.consent_date or listed.consent_on
            if day is None:
                continue
            at = datetime.combine(day, time.min, tzinfo=zone)
            where = person.consent_place or listed.consent_place
            for phone in person.phones:
                rows.setdefault(addresses[phone], (addresses[phone], group.contact_id, min(at, now), where))
    if not rows:
        return 0
    lock_addresses(rows)
    kinds = [kind.value for kind in KINDS[ContactImport.Ground(listed.ground)]]
    said = sql.arrays(list(rows.values()))
    return sql.run(_RECORD_SQL, [listed.account_id, listed.consent_proof, listed.by_id, now, kinds, *said])


_RECORD_SQL = """
INSERT INTO audiences_consent (account_id, address_id, contact_id, kind, source, proof, proof_at, given_at,
    recorded_by_id, recorded_at, ended_why)
SELECT %s, g.address_id, g.contact_id, k, 'import', %s, g.place, g.given_at, %s, %s, ''
FROM unnest(%s::text[]) k
CROSS JOIN unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[])
    AS g(address_id, contact_id, given_at, place)
WHERE NOT EXISTS (
    SELECT FROM audiences_optout oo WHERE oo.address_id = g.address_id
      AND (oo.lifted_at IS NULL OR oo.at >= g.given_at))
  AND NOT EXISTS (
    SELECT FROM audiences_contactaddress ca
    WHERE ca.address_id = g.address_id AND ca.contact_id = g.contact_id AND ca.wrong_number_at >= g.given_at)
ORDER BY g.address_id, k ON CONFLICT DO NOTHING
"""
