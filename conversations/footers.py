"""How to opt out, said by the product in the first automated text that a phone gets.

First is: no automated text of the account has been accepted for the phone, none within 90 days, or none that
said how to opt out. What CTIA asks of senders: the way out is named in the first text and again later.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from common import sql
from conversations.models import Footer, Thread

AGAIN_AFTER = timedelta(days=90)
ENGLISH = "Reply STOP to opt out."
SPANISH = "Responda STOP para cancelar."

# Only what tells the reader to write the word back: “we stop by at noon” and “reply CANCEL to cancel your
# visit” tell nobody how to opt out. A miss costs a second line; a false find would leave the law's line out.
_QUOTE = r"[\"'“”‘’«»*]?"
_WORDS = r"(?:stop|stopall|stop\s+all|unsubscribe|opt[ -]?out|optout)"
_PALABRAS = r"(?:stop|alto|baja|basta|parar|pare|detener)"
_AFTER_WORD = r"(?![\w-])(?!\s+(?:by|in|at|over|into|your|the|our|a|and|here|there)\b)"
_TELLING = (
    # reply STOP, text back "STOP", send us the word stop
    r"\b(?:reply|replying|respond|answer|text|txt|send|type)\s+(?:back\s+)?(?:us\s+)?(?:with\s+)?(?:the\s+word\s+)?"
    rf"(?:a\s+)?:?\s*{_QUOTE}{_WORDS}{_AFTER_WORD}",
    # STOP to end, STOP=end, STOP 2 quit
    rf"\bstop(?:all)?{_QUOTE}\s*(?:to|2|=|:)\s*(?:opt|end|stop|quit|cancel|unsub\w*|unsubscribe|be\s+removed|leave)\b",
    # responda STOP, envíe la palabra BAJA
    r"\b(?:respond[ae]r?|contest[ae]r?|env[ií][ae]r?|enviar|escrib[aei]r?|mand[ae]r?|texte[ae]r?)\s+(?:nos\s+)?"
    rf"(?:con\s+)?(?:la\s+palabra\s+)?(?:un\s+)?:?\s*{_QUOTE}{_PALABRAS}(?![\w-])",
    # STOP para no recibir más
    rf"\b(?:stop|alto|baja){_QUOTE}\s+para\s+(?:cancelar|no\s+recibir|dejar|darse|salir|terminar|parar|finalizar)\b",
)
_INSTRUCTION = re.compile("|".join(_TELLING), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wording:
    """An account's line in both languages."""

    english: str = ENGLISH
    spanish: str = SPANISH

    def line(self, language: str) -> str:
        """The line for a contact who speaks this language (ISO 639-1)."""
        return self.spanish if language == "es" else self.english


def tells_opt_out(text: str) -> bool:
    """Whether a text tells its reader how to opt out by an answer, in English or Spanish."""
    return _INSTRUCTION.search(text) is not None


def with_footer(body: str, line: str) -> str:
    """A text with the line below it, unless it says how to opt out already."""
    return body if tells_opt_out(body) or body.endswith(line) else f"{body.rstrip()}\n{line}"


def wordings(account_ids: Iterable[int]) -> dict[int, Wording]:
    """The line of each of these accounts. One query."""
    wanted = set(account_ids)
    kept = Footer.objects.filter(account__in=wanted).values_list("account_id", "english", "spanish")
    found = {account_id: Wording(english, spanish) for account_id, english, spanish in kept}
    return {account_id: found.get(account_id, Wording()) for account_id in wanted}


def wording(account: Account) -> Wording:
    """The line of one account."""
    return wordings([account.pk])[account.pk]


@transaction.atomic
def change(account: Account, wording: Wording, *, by: User, now: datetime) -> None:
    """Word the line anew. Texts that have left keep theirs."""
    before = wordings([account.pk])[account.pk]
    if wording == before:
        return
    Footer.objects.update_or_create(
        account=account,
        defaults={
            "english": wording.english, "spanish": wording.spanish, "changed_at": now, "changed_by": by
        },
    )  # fmt: skip
    audit.record(
        account=account, by=by, verb="changed_footer", summary=f"Changed the opt-out line: {wording.english}",
        detail={"before": [before.english, before.spanish], "after": [wording.english, wording.spanish]},
    )  # fmt: skip


def untold(address_ids: Iterable[int], now: datetime) -> set[int]:
    """Those of these locked addresses whose next automated text must say how to opt out. One query.

    A text being called at this moment counts as one that arrives: of two at once only the first carries it.
    """
    ids = sorted(set(address_ids))
    told = sql.column(
        """
        SELECT m.address_id FROM conversations_message m
        WHERE m.address_id = ANY(%s::bigint[]) AND m.kind IN ('campaign', 'automatic')
          AND (m.accepted_at IS NOT NULL OR m.state IN ('calling', 'unknown'))
        GROUP BY m.address_id
        HAVING bool_or(m.tells_opt_out) AND max(coalesce(m.accepted_at, m.state_at)) > %s
        """,
        [sql.array(ids), now - AGAIN_AFTER],
        often=True,
    )
    return set(ids) - set(told)


def owed(thread: Thread, now: datetime) -> str:
    """The line that the next automated text of a thread will end with, or nothing. At most two queries."""
    if thread.address_id not in untold([thread.address_id], now):
        return ""
    return wording(thread.account).line(thread.contact.language)
