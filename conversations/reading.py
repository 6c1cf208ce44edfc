"""Reading replies: what a customer's text asks of us. Keywords and phrases, English and Spanish.

Doubt is held for a person: a missed wish to be left alone costs far more than a reply answered by hand.
The keyword list is Twilio's (with FCC's per-se words, 47 CFR 64.1200(a)(10)) and this product's RESET.
"""

import re
import unicodedata
from dataclasses import dataclass

from conversations.models import Reading

DETECTOR = "phrases-1"
OPT_OUT, BOOKING_YES, RESCHEDULE, QUESTION = "optout", "booking_yes", "reschedule", "question"
COMPLAINT, WRONG_NUMBER, OTHER = "complaint", "wrong_number", "other"
LABELS = (OPT_OUT, BOOKING_YES, RESCHEDULE, QUESTION, COMPLAINT, WRONG_NUMBER, OTHER)

STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "reset"}
    | {"alto", "parar", "baja", "cancelar", "detener"}
)
START_WORDS = frozenset({"start", "unstop"})
_STOP_FIRST_WORDS = {"stop", "stopall", "unsubscribe"}
_HELD = {COMPLAINT, WRONG_NUMBER, OTHER}


def _words(*alternatives: str) -> re.Pattern[str]:
    """A pattern for any of these as whole words."""
    return re.compile(rf"\b({'|'.join(alternatives)})\b")


# What is asked to cease must be the messages; "stop by at nine" and "quit heating" ask nothing of the kind.
_CEASE = r"(stop|quit|cease|no more|dont|do not|never|please stop)"
_MESSAGES = (
    r"(text\w*|txt\w*|messag\w*|msg\w*|sms|contact\w*|bother\w*|call\w*|spam\w*|email\w*|me|us|this|these)"
)
_OPT_OUT_PHRASES: list[tuple[str, re.Pattern[str]]] = [
    ("cease", re.compile(rf"\b{_CEASE}\b( \w+)? (send\w* )?(me )?{_MESSAGES}\b")),
    ("remove", _words(r"(remove|take|delete|get) (me|us|my (number|name|phone))( \w+)? (off|from|out)")),
    ("remove", _words(r"(remove|delete) (me|us|my (number|name|phone|info))")),
    (
        "leave",
        _words(r"leave (me|us) alone", r"lose (my|this) number", "unsubscribe", r"opt(ing)? ?(me )?out"),
    ),
    ("leave", re.compile(r"\bnot interested\b.*\b(stop|remove|text|contact)\b")),
    (
        "es",
        _words(r"no (me|nos) (manden?|envien?|escriban?|llamen?|molesten?|contacten?)", r"dej(en|e|a) de"),
    ),
    ("es", _words("quiten?me", "borren?me", "elimin(en|e)me", "saquen?me", "denme de baja")),
    ("es", _words(r"no quiero (mas )?(mensajes|textos)")),
    ("es", _words(r"no (quiero|deseo) (recibir )?(mas )?(mensajes|textos|llamadas)")),
    ("es", _words(r"ya no (me )?(manden|escriban)")),
]
_VETOES = _words(
    "stop by", "stop (in|at)", "stopped", "wont stop", "doesnt stop", "stop working",
    "(furnace|ac|heater|unit) quit",
)  # fmt: skip
_PHRASES: list[tuple[str, re.Pattern[str]]] = [
    (WRONG_NUMBER, re.compile(r"\bwrong (number|person|#)|\bnumero (equivocado|incorrecto)")),
    (WRONG_NUMBER, re.compile(r"\bnot \w+s? (phone|number)\b|\bno (one|body) (here )?(by|named)")),
    (WRONG_NUMBER, re.compile(r"\bwho is this (for)?$|\bdont know (any|who)|\bse equivoc\w+")),
    (COMPLAINT, _words("terrible", "awful", "horrible", "worst", "rip ?off", "scam", "unacceptable")),
    (COMPLAINT, _words("lawyer", "attorney", "sue", "bbb", "report you", r"harass\w*", "angry")),
    (COMPLAINT, _words("never (came|showed|fixed)", "still (broken|not working|leaking)")),
    (COMPLAINT, _words(r"overcharg\w+", "refund")),
    (COMPLAINT, _words("estafa", "pesimo", "horrible", "queja", "abogado", "demanda", "nunca vinieron")),
    (RESCHEDULE, _words(r"resched\w*", "another (day|time|week)", "different (day|time)")),
    (RESCHEDULE, _words("move (my|the) (appointment|visit)", "change (my|the) (appointment|time|date)")),
    (RESCHEDULE, _words("(not|cant) (today|this week|tomorrow)", "next month")),
    (RESCHEDULE, _words("reprogramar", "cambiar la cita", "otro dia", "otra (hora|semana|fecha)")),
    (RESCHEDULE, _words("mas tarde", "proximo mes")),
    (BOOKING_YES, re.compile(r"^(yes|yep|yeah|yea|yup|sure|ok|okay|y|si|claro|dale)\b")),
    (BOOKING_YES, re.compile(r"^(please do|sounds good|absolutely|definitely)\b")),
    (BOOKING_YES, _words("book (it|me|us)", "sign me up", "schedule (me|it|us)", "please schedule")),
    (BOOKING_YES, _words("lets do it", "count me in", "set it up")),
    (BOOKING_YES, _words("i want to book", "id like to (book|schedule)")),
    (BOOKING_YES, _words("quiero (agendar|reservar|una cita)", "agendeme", "me interesa")),
    (QUESTION, re.compile(r"\?|^(how|what|when|where|who|why|which|can|do|does|is|are|will)\b")),
    (QUESTION, re.compile(r"^(would|could|cuanto|cuando|que|como)\b")),
]
_NEGATED = re.compile(r"\b(no|not|dont|cant|never|nah)\b")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a text was read. `outcome` is what the product does with it."""

    label: str
    outcome: Reading.Outcome
    rule: str
    score: float


def read(body: str, *, opt_out_type: str = "") -> Verdict:
    """Read one reply. `opt_out_type` is the provider's own finding (`STOP`), which always counts."""
    if opt_out_type == "STOP":
        return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, "provider", 1.0)
    text = normalise(body)
    word = text.replace(" ", "")
    if word in STOP_WORDS:
        return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, "keyword", 1.0)
    if not _VETOES.search(text):
        for rule, pattern in _OPT_OUT_PHRASES:
            if pattern.search(text):
                return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, f"phrase:{rule}", 0.9)
        if text.split(" ")[0] in _STOP_FIRST_WORDS:
            return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, "first word", 0.8)
    for label, pattern in _PHRASES:
        if pattern.search(text):
            if label == BOOKING_YES and (_NEGATED.search(text) or "?" in text):
                continue
            outcome = Reading.Outcome.HOLD if label in _HELD else Reading.Outcome.ROUTE
            return Verdict(label, outcome, "phrase", 0.8)
    return Verdict(OTHER, Reading.Outcome.HOLD, "nothing matched", 0.3)


def wants_back(body: str) -> bool:
    """Whether the whole text is START or UNSTOP, the only words that lift a STOP (YES may be a booking)."""
    return normalise(body).replace(" ", "") in START_WORDS


def normalise(body: str) -> str:
    """Lower case, no accents, no apostrophes, letters squeezed to two in a row, single spaces; keeps `?`."""
    text = unicodedata.normalize("NFKD", body).lower()
    text = "".join(char for char in text if not unicodedata.combining(char))
    text = re.sub(r"['’`]", "", text)
    text = re.sub(r"(.)\1{2,}", r"\1\1", text)
    text = re.sub(r"[^a-z0-9?#]+", " ", text)
    return re.sub(r"\s+", " ", text).strip()
