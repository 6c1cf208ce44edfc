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
    "stop stopall unsubscribe cancel end quit revoke optout reset alto parar baja cancelar detener".split()
)
START_WORDS = frozenset({"start", "unstop"})
_HELD = {COMPLAINT, WRONG_NUMBER, OTHER}

# What is asked to cease must be the messages; "stop by at nine" and "quit heating" ask nothing of the kind.
_MESSAGES = (
    r"(text\w*|txt\w*|messag\w*|msg\w*|sms|contact\w*|bother\w*|call\w*|spam\w*|email\w*|me|us|this|these)"
)
_OPT_OUT_PHRASES = [
    (
        "cease",
        rf"\b(stop|quit|cease|no more|dont|do not|never|please stop)\b( \w+)? (send\w* )?(me )?{_MESSAGES}\b",
    ),
    ("remove", r"\b(remove|take|delete|get) (me|us|my (number|name|phone))( \w+)? (off|from|out)\b"),
    ("remove", r"\b(remove|delete) (me|us|my (number|name|phone|info))\b"),
    ("leave", r"\bleave (me|us) alone\b|\blose (my|this) number\b|\bunsubscribe\b|\bopt(ing)? ?(me )?out\b"),
    ("leave", r"\bnot interested\b.*\b(stop|remove|text|contact)\b"),
    ("es", r"\bno (me|nos) (manden?|envien?|escriban?|llamen?|molesten?|contacten?)\b|\bdej(en|e|a) de\b"),
    (
        "es",
        r"\b(quiten?me|borren?me|elimin(en|e)me|saquen?me|denme de baja|no quiero (mas )?(mensajes|textos))\b",
    ),
    (
        "es",
        r"\bno (quiero|deseo) (recibir )?(mas )?(mensajes|textos|llamadas)\b|\bya no (me )?(manden|escriban)\b",
    ),
]
_VETOES = re.compile(
    r"\b(stop by|stop (in|at)|stopped|wont stop|doesnt stop|stop working|(furnace|ac|heater|unit) quit)\b"
)
_PHRASES: list[tuple[str, str]] = [
    (WRONG_NUMBER, r"\bwrong (number|person|#)|\bnumero (equivocado|incorrecto)|\bnot \w+s? (phone|number)\b"),
    (WRONG_NUMBER, r"\bno (one|body) (here )?(by|named)|\bwho is this (for)?$|\bdont know (any|who)|\bse equivoc\w+"),
    (COMPLAINT, r"\b(terrible|awful|horrible|worst|rip ?off|scam|lawyer|attorney|sue|bbb|report you|harass\w*|angry)\b"),
    (COMPLAINT, r"\b(never (came|showed|fixed)|still (broken|not working|leaking)|overcharg\w+|refund|unacceptable)\b"),
    (COMPLAINT, r"\b(estafa|pesimo|horrible|queja|abogado|demanda|nunca vinieron)\b"),
    (RESCHEDULE, r"\b(resched\w*|another (day|time|week)|different (day|time)|move (my|the) (appointment|visit))\b"),
    (RESCHEDULE, r"\b(change (my|the) (appointment|time|date)|(not|cant) (today|this week|tomorrow)|next month)\b"),
    (RESCHEDULE, r"\b(reprogramar|cambiar la cita|otro dia|otra (hora|semana|fecha)|mas tarde|proximo mes)\b"),
    (BOOKING_YES, r"^(yes|yep|yeah|yea|yup|sure|ok|okay|y|si|claro|dale|please do|sounds good|absolutely|definitely)\b"),
    (BOOKING_YES, r"\b(book (it|me|us)|sign me up|schedule (me|it|us)|lets do it|count me in|set it up|please schedule)\b"),
    (BOOKING_YES, r"\b(i want to book|id like to (book|schedule)|quiero (agendar|reservar|una cita)|agendeme|me interesa)\b"),
    (QUESTION, r"\?|^(how|what|when|where|who|why|which|can|do|does|is|are|will|would|could|cuanto|cuando|que|como)\b"),
]  # fmt: skip
_COMPILED_OPT_OUT = [(rule, re.compile(pattern)) for rule, pattern in _OPT_OUT_PHRASES]
_COMPILED = [(label, re.compile(pattern)) for label, pattern in _PHRASES]
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
        for rule, pattern in _COMPILED_OPT_OUT:
            if pattern.search(text):
                return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, f"phrase:{rule}", 0.9)
        if text.split(" ")[0:1] and text.split(" ")[0] in {"stop", "stopall", "unsubscribe"}:
            return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, "first word", 0.8)
    for label, pattern in _COMPILED:
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
