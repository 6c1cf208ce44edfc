"""Who may not be reached at all, whatever the hour: every rule once, as SQL, for entry and gate alike.

Aliases: `c` is audiences_contact, `a` an address (at entry the row of FIRST_TEXTABLE_ADDRESS_SQL, all nulls
where the contact has no phone). Rules that ask for the time read it from `moment`, which a statement makes
of its one parameter: `WITH {MOMENT_SQL} …`.
"""

from audiences.last_job import booked_since

MOMENT_SQL = "moment(now) AS (SELECT %s::timestamptz)"

OPTED_OUT = "EXISTS (SELECT 1 FROM audiences_optout oo WHERE oo.address_id = a.id AND oo.lifted_at IS NULL)"


def has_consent(kind: str) -> str:
    """A written consent of this kind is in force at the address."""
    return (
        "EXISTS (SELECT 1 FROM audiences_consent co"
        f" WHERE co.address_id = a.id AND co.kind = '{kind}' AND co.ended_at IS NULL)"
    )


TEXTS_AGREED = has_consent("texts")

RECORDED_CALLS_AGREED = has_consent("recorded_calls")
"""Recorded or synthetic voice needs prior express written consent: 47 CFR 64.1200(a)(2), (a)(3), (f)(9); the
FCC counts synthetic voice among it (Declaratory Ruling 24-17)."""

NO_CONSENT = f"""(EXISTS (SELECT 1 FROM audiences_reachlimits rl
    WHERE rl.account_id = c.account_id AND rl.texts_need_consent) AND NOT {TEXTS_AGREED})"""
"""The account texts only people with a written consent on record, and this phone has none in force."""

BUSINESS_SINCE = "coalesce(c.last_job_at >= (SELECT now FROM moment) - interval '18 months', false)"
"""An established business relationship: work bought in the 18 months before, 47 CFR 64.1200(f)(5)."""

EXCUSED_FROM_REGISTRY = f"({TEXTS_AGREED} OR {BUSINESS_SINCE})"

ON_DO_NOT_CALL_LIST = f"""EXISTS (
    SELECT 1 FROM audiences_donotcallentry dnc JOIN audiences_donotcalllist dl ON dl.id = dnc.list_id
    WHERE dnc.phone = a.value AND dl.account_id = c.account_id
      AND dl.confirmed_at IS NOT NULL AND dl.ended_at IS NULL
      AND (dl.kind = 'own' OR NOT {EXCUSED_FROM_REGISTRY}))"""
"""The phone is on a list in force. 47 CFR 64.1200(c)(2) forbids soliciting phones of the national registry,
except with written agreement ((c)(2)(ii)) or an established business relationship ((f)(15)(ii)). Neither
excuses the company's own list, (d)(3) and (d)(6): who asked not to be called is not called."""

# The fixed order in which a contact is found unfit at entry: (reason, condition).
ENTRY_REASONS: tuple[tuple[str, str], ...] = (
    ("inactive", "NOT c.active"),
    ("do_not_service", "c.do_not_service"),
    ("no_address", "a.id IS NULL"),
    ("do_not_text", "a.do_not_text"),
    ("unreachable", "a.unreachable_since IS NOT NULL"),
    ("opted_out", OPTED_OUT),
    ("do_not_call", ON_DO_NOT_CALL_LIST),
    ("no_consent", NO_CONSENT),
)

# Over `ca` (a contact's link) and `ad` (its address): a phone of `c` that takes texts by its kind, and one
# that ServiceTitan's doNotText keeps us from. It is kept per number, so a flag on any contact's link counts.
# A phone known for somebody else's is none of theirs.
TEXT_PHONE = """ca.contact_id = c.id AND ad.channel = 'phone' AND ad.line_type <> 'landline'
      AND ca.wrong_number_at IS NULL"""
DO_NOT_TEXT = """EXISTS (
        SELECT 1 FROM audiences_contactaddress other WHERE other.address_id = ad.id AND other.do_not_text)"""
MAILBOX = "ca.contact_id = c.id AND ad.channel = 'email' AND ca.wrong_number_at IS NULL"

# `LEFT JOIN LATERAL (…) a ON TRUE` beside `c`: columns id, value, line_type, unreachable_since, do_not_text,
# position. The first phone in position order that may be texted; where none may, the one whose flaw is to be
# reported. An opted-out phone is not passed over: asking to be left alone does not move us to the next phone.
FIRST_TEXTABLE_ADDRESS_SQL = f"""
    SELECT ad.id, ad.value, ad.line_type, ad.unreachable_since, ca.position, flag.do_not_text
    FROM audiences_contactaddress ca
    JOIN audiences_address ad ON ad.id = ca.address_id
    CROSS JOIN LATERAL (SELECT {DO_NOT_TEXT} AS do_not_text) flag
    WHERE {TEXT_PHONE}
    ORDER BY flag.do_not_text, (ad.unreachable_since IS NOT NULL), ca.position, ca.id
    LIMIT 1
"""

# As above, of emails: the first mailbox in position order that takes mail; where none does, the first. An
# opted-out mailbox is not passed over either, and one known for somebody else's is none of theirs.
FIRST_MAILBOX_SQL = f"""
    SELECT ad.id, ad.value
    FROM audiences_contactaddress ca
    JOIN audiences_address ad ON ad.id = ca.address_id
    WHERE {MAILBOX}
    ORDER BY (ad.unreachable_since IS NOT NULL), ca.position, ca.id
    LIMIT 1
"""

# `r.confirms` names an opt-out in force at that very phone, recorded minutes ago because somebody wrote so.
_CONFIRMABLE = """
    r.medium = 'text' AND EXISTS (
        SELECT 1 FROM audiences_optout oo WHERE oo.id = r.confirms AND oo.address_id = a.id
        AND oo.account_id = r.account_id AND oo.lifted_at IS NULL AND oo.source = 'text' AND oo.at > %s)
"""

_BOOKED = f"""EXISTS (
    SELECT 1 FROM audiences_job j
    WHERE j.account_id = c.account_id AND j.servicetitan_customer_id = c.servicetitan_customer_id
      AND {booked_since("r.unless_booked_since")})"""

REFUSALS_SQL = f"""
    WITH {MOMENT_SQL}
    SELECT r.key,
           CASE
             WHEN r.automated AND NOT r.answer AND NOT coalesce(c.active, false) THEN 'inactive'
             WHEN r.automated AND NOT r.answer AND c.do_not_service THEN 'do_not_service'
             WHEN a.id IS NULL OR c.id IS NULL OR (r.medium = 'text' AND a.line_type = 'landline')
                  OR (r.automated AND NOT r.confirmation AND NOT r.answer AND NOT EXISTS (
                        SELECT 1 FROM audiences_contactaddress ca
                        WHERE ca.contact_id = c.id AND ca.address_id = a.id
                          AND ca.wrong_number_at IS NULL)) THEN 'no_address'
             WHEN r.automated AND r.medium = 'text' AND EXISTS (
                  SELECT 1 FROM audiences_contactaddress ca
                  WHERE ca.address_id = a.id AND ca.do_not_text) THEN 'do_not_text'
             WHEN r.unasked AND r.medium = 'email' AND c.do_not_mail THEN 'do_not_mail'
             WHEN a.unreachable_since IS NOT NULL THEN 'unreachable'
             WHEN r.confirms <> 0 AND NOT ({_CONFIRMABLE}) THEN 'opted_out'
             WHEN r.confirms = 0 AND {OPTED_OUT} THEN 'opted_out'
             WHEN r.unasked AND r.medium <> 'email' AND {ON_DO_NOT_CALL_LIST} THEN 'do_not_call'
             WHEN r.unasked AND r.medium = 'text' AND {NO_CONSENT} THEN 'no_consent'
             WHEN r.unless_booked_since IS NOT NULL AND {_BOOKED} THEN 'booked'
             WHEN r.medium = 'call' AND r.recorded_voice AND NOT {RECORDED_CALLS_AGREED} THEN 'no_consent'
           END
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bool[],
                %s::bool[], %s::bool[], %s::bigint[], %s::bool[], %s::bool[], %s::timestamptz[])
         AS r(key, account_id, contact_id, address_id, medium, automated, confirmation, answer, confirms,
              recorded_voice, unasked, unless_booked_since)
    LEFT JOIN audiences_contact c ON c.id = r.contact_id AND c.account_id = r.account_id
    LEFT JOIN audiences_address a
           ON a.id = r.address_id AND a.account_id = r.account_id
          AND a.channel = CASE r.medium WHEN 'email' THEN 'email' ELSE 'phone' END
"""
"""The first refusal of each intended touch. Parameters: now, the earliest opt-out that may be confirmed, then
the columns of `r`. `unasked`: automated, no answer to the customer and no confirmation."""


def entry_reason_sql() -> str:
    """One CASE over `c`, `a` and `moment` giving the first reason that applies, or "" for "may enter"."""
    whens = " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in ENTRY_REASONS)
    return f"CASE {whens} ELSE '' END"
