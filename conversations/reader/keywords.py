"""Whole texts that are one word, or nearly: Twilio's list, the FCC's per-se words and the product's RESET.

47 CFR 64.1200(a)(10) names stop, quit, end, revoke, opt out, cancel and unsubscribe.
"""

from conversations.reader.wording import listed, slips

CARRIER_WORDS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
"""Twilio acts on these by itself, as whole texts in any case."""
STOP_WORDS = (
    CARRIER_WORDS
    | {"reset"}
    | {
        "alto",
        "parar",
        "pare",
        "paren",
        "baja",
        "basta",
        "cancelar",
        "detener",
        "salir",
        "desuscribir",
        "unsuscribir",
    }
)
START_WORDS = frozenset({"start", "unstop"})
# Said around the one word that counts.
_POLITE = frozenset(listed("polite"))
_FIRM = frozenset({"stop", "stopall", "unsubscribe", "optout", "basta", "alto", "paren", "quit", "cancel"})
# One letter away from a keyword and a word of its own.
_ORDINARY = frozenset(listed("ordinary"))


def keyword(text: str) -> str:
    """The keyword a canonical text consists of, courtesies aside, or nothing."""
    joined = text.replace(" ", "").replace("?", "")
    if joined in STOP_WORDS:
        return joined
    words = text.replace("?", "").split()
    left = [word for word in words if word not in _POLITE]
    if left and len(words) <= 6 and len(set(left)) == 1 and left[0] in _FIRM:
        return left[0]
    return ""


def nearly(text: str) -> str:
    """The keyword of at least four letters that one word, courtesies aside, is a slip away from, or nothing.

    The first letter must stand, but for a swap with the second; ordinary words are never taken for slips.
    """
    left = [word for word in text.replace("?", "").split() if word not in _POLITE]
    text = left[0] if len(left) == 1 and len(text.split()) <= 3 else text
    if " " in text or not text.isalpha() or text in _ORDINARY or len(text) < 3:
        return ""
    for known in sorted(STOP_WORDS):
        if len(known) < 4 or abs(len(known) - len(text)) > (2 if len(known) > 8 else 1):
            continue
        same_start = text[0] == known[0] or text[:2] == known[1::-1]
        if same_start and slips(text, known, 2) <= (2 if len(known) > 8 else 1):
            return known
    return ""


def ordinary(text: str) -> bool:
    """Whether a canonical text is one ordinary word beside a keyword: “quite” may be a slip of “quit”."""
    return text in _ORDINARY
