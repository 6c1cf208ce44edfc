"""What becomes of a mail at SendGrid and beyond: by magic mailbox, else by its reader's seeded chance."""

import random
from dataclasses import dataclass
from functools import lru_cache

from sandbox import mail_magic

# What happens, in order: (event, seconds after the one before at speed 1, further fields).
Step = tuple[str, float, dict[str, str]]
PROCESSED: Step = ("processed", 1.0, {})
DELIVERED: Step = ("delivered", 4.0, {"response": "250 2.0.0 OK", "tls": "1"})
_BOUNCE: Step = (
    "bounce", 4.0,
    {
        "type": "bounce", "status": "5.1.1", "bounce_classification": "Invalid Address",
        "reason": "550 5.1.1 The email account that you tried to reach does not exist",
    },
)  # fmt: skip
_BLOCKED: Step = (
    "bounce", 4.0,
    {
        "type": "blocked", "status": "5.7.1", "bounce_classification": "Reputation",
        "reason": "550 5.7.1 Message refused by our policy",
    },
)  # fmt: skip
_DEAD_DOMAIN: Step = (
    "bounce", 4.0, {"type": "blocked", "reason": "unable to get mx info: failed to find any hosts"}
)  # fmt: skip
_DEFERRED: Step = ("deferred", 60.0, {"response": "451 4.3.0 Try again later", "attempt": "1"})


def _dropped(reason: str, status: str = "") -> tuple[Step, ...]:
    return (("dropped", 1.0, {"reason": reason, **({"status": status} if status else {})}),)


_SPAM: Step = ("spamreport", 600.0, {})
DELIVERED_FATE = "delivered"
FATES: dict[str, tuple[Step, ...]] = {
    DELIVERED_FATE: (PROCESSED, DELIVERED),
    "processed": (PROCESSED,),
    "silent": (),
    "deferred": (PROCESSED, _DEFERRED, DELIVERED),
    "waits": (PROCESSED, _DEFERRED, _DEFERRED, _BLOCKED),
    "bounce": (PROCESSED, _BOUNCE),
    "bare": (PROCESSED, _BOUNCE),
    "late": (PROCESSED, DELIVERED, _BOUNCE),
    "blocked": (PROCESSED, _BLOCKED),
    "nostatus": (PROCESSED, _DEAD_DOMAIN),
    "bounced": _dropped("Bounced Address", "5.1.1"),
    "invalid": _dropped("Invalid"),
    "unsubscribed": _dropped("Unsubscribed Address"),
    "reporting": _dropped("Spam Reporting Address"),
    "spamcontent": _dropped("Spam Content (if Spam Checker app enabled)"),
    "package": _dropped("Recipient List over Package Quota"),
    "header": _dropped("Invalid SMTPAPI header"),
    "otherwise": _dropped("A reason that no list has yet"),
    "complains": (PROCESSED, DELIVERED, _SPAM),
    "leaves": (PROCESSED, DELIVERED, ("unsubscribe", 120.0, {})),
    "leavesgroup": (PROCESSED, DELIVERED, ("group_unsubscribe", 120.0, {"asm_group_id": "77"})),
    "returns": (
        PROCESSED, DELIVERED, ("group_unsubscribe", 120.0, {"asm_group_id": "77"}),
        ("group_resubscribe", 120.0, {"asm_group_id": "77"}),
    ),
    "opens": (
        PROCESSED, DELIVERED, ("open", 30.0, {"sg_machine_open": "true", "useragent": "Mozilla/5.0"}),
        ("open", 120.0, {"sg_machine_open": "false", "useragent": "Mozilla/5.0 (iPhone)"}),
        ("click", 60.0, {"url": "https://example.com/", "useragent": "Mozilla/5.0 (iPhone)"}),
    ),
    "strange": (PROCESSED, DELIVERED, ("telepathy", 5.0, {"mood": "good"})),
}  # fmt: skip

# Of a thousand readers of the demo; whatever is left gets its mail and that is all.
_CHANCES = {
    "opens": 330, "deferred": 60, "bounce": 22, "blocked": 14, "nostatus": 4, "late": 3, "invalid": 4,
    "bounced": 3, "spamcontent": 2, "waits": 3, "complains": 4, "leaves": 4, "processed": 4,
}  # fmt: skip
_PRECEDENCE = ("sent", "failed", "rejected", "delivered", "blocked", "bounced", "spam_reported")


@dataclass(frozen=True, slots=True)
class Happened:
    """An event with what tells kinds of one event apart."""

    event: str
    type: str = ""
    reason: str = ""


@lru_cache(maxsize=200_000)
def fate_of(email: str, seed: int, *, demo: bool) -> str:
    """The fate, a key of FATES, of mails to this mailbox."""
    if named := mail_magic.fate_of(email):
        return named
    if demo:
        draw = random.Random(f"{seed}:mail:{email}").randrange(1000)
        for fate, share in _CHANCES.items():
            if draw < share:
                return fate
            draw -= share
    return DELIVERED_FATE


def status_of(happened: list[Happened]) -> str:
    """What an email has come to after these events, in any order; "" where nothing is known."""
    found = [status for each in happened if (status := _status(each))]
    return max(found, key=_PRECEDENCE.index) if found else ""


def true_status(fate: str) -> str:
    """What a mail of this fate comes to when everything has happened."""
    told = [Happened(name, more.get("type", ""), more.get("reason", "")) for name, _, more in FATES[fate]]
    return status_of(told)


def _status(each: Happened) -> str:
    if each.event == "bounce":
        return "blocked" if each.type == "blocked" else "bounced"
    if each.event == "dropped":
        return "failed" if each.reason in ("Bounced Address", "Invalid") else "rejected"
    return {
        "processed": "sent", "deferred": "sent", "delivered": "delivered", "spamreport": "spam_reported",
    }.get(each.event, "")  # fmt: skip
