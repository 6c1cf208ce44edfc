"""Reading replies: what a customer's text asks of us. Keywords and phrases, English and Spanish.

Doubt is held for a person: a missed wish to be left alone costs far more than a reply answered by hand.
The keyword list is Twilio's (with FCC's per-se words, 47 CFR 64.1200(a)(10)) and this product's RESET.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from conversations.models import Reading

DETECTOR = "phrases-2"
OPT_OUT, BOOKING_YES, RESCHEDULE, QUESTION = "optout", "booking_yes", "reschedule", "question"
COMPLAINT, WRONG_NUMBER, OTHER = "complaint", "wrong_number", "other"
LABELS = (OPT_OUT, BOOKING_YES, RESCHEDULE, QUESTION, COMPLAINT, WRONG_NUMBER, OTHER)

STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "reset"}
    | {"alto", "parar", "baja", "cancelar", "detener"}
)
START_WORDS = frozenset({"start", "unstop"})
_STOP_FIRST_WORDS = {"stop", "stopall", "unsubscribe"}
_SCORES = {"provider": 1.0, "keyword": 1.0, "first word": 0.8}
_HELD = {COMPLAINT, WRONG_NUMBER, OTHER}


def _words(*alternatives: str) -> re.Pattern[str]:
    """A pattern for any of these as whole words."""
    return re.compile(rf"\b({'|'.join(alternatives)})\b")


# What is asked to cease must be the messages; "stop by at nine" and "quit heating" ask nothing of the kind.
_CEASE = r"(stop|quit|cease|no more|dont|do not|never|please stop)"
_MESSAGES = (
    r"(text\w*|txt\w*|messag\w*|msg\w*|sms|contact\w*|bother\w*|call\w*|spam\w*|email\w*|me|us|this|these)"
)
_TEXTS = r"((texts|txts|messages|msgs|sms|calls|texting|messaging)|(any|more|your) (text|txt|message|msg))"
_MORE = r"(to|get|getting|receive|receiving|any|anymore|more|these|those|your|further|such)"
_OPT_OUT_PHRASES: list[tuple[str, re.Pattern[str]]] = [
    ("cease", re.compile(rf"\b{_CEASE}\b( \w+)? (send\w* )?(me )?{_MESSAGES}\b")),
    ("cease", re.compile(rf"\b(dont|do not|no longer) (want|need|wish)\b( {_MORE})* {_TEXTS}\b")),
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
    ("es", _words(r"basta (ya )?(de|con) (\w+ )?(mensajes|textos|llamadas|sms)")),
]
# No contact of any kind is wished; "by text", "here" or an invitation to write mail narrows it to the phone.
_EVERYWHERE = re.compile(
    r"\b(dont|do not|never|stop|quit|cease)( (ever|please|try\w*|to))* contact(ing)?( (me|us)\b|$)"
    r"(?! (\w+ )?(by(?! any)|via|through|with|on|at(?! all)|here)\b)"
    r"|\b(no (me|nos) contacten?|dej(en|e|a) de contactar(me|nos))\b"
    r"(?! (\w+ )?(por(?! favor)|con|en|a|aqui)\b)"
)
_BUT_BY_MAIL = _words(r"(e ?mail|mail|write) (me|us)", "instead", r"escriban?me", r"correo")
_VETOES = _words(
    "stop by", "stop (in|at)", "stopped", "wont stop", "doesnt stop", "stop working",
    "(furnace|ac|heater|unit) quit",
)  # fmt: skip
_PHRASES: list[tuple[str, re.Pattern[str]]] = [
    (WRONG_NUMBER, re.compile(r"\bwrong (number|person|#)|\bnumero (equivocado|incorrecto)")),
    (WRONG_NUMBER, re.compile(r"\bnot \w+s? (phone|number)\b|\bno (one|body) (here )?(by|named)")),
    (
        WRONG_NUMBER,
        re.compile(r"\bwho(s| is) (this|dis)( for| from)? ?\?*$|\bdont know (any|who)|\bse equivoc\w+"),
    ),
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
    """How a text was read. `outcome` is what the product does with it.

    `everywhere`: an opt-out from all contact, at every address, where others concern the phone alone.
    """

    label: str
    outcome: Reading.Outcome
    rule: str
    score: float
    everywhere: bool = False


def read(body: str, *, opt_out_type: str = "") -> Verdict:
    """Read one reply. `opt_out_type` is the provider's own finding (`STOP`), which always counts."""
    text = normalise(body)
    # Letters drawn out ("STOPPP", "meee") may stand for one or for two.
    forms = (text, normalise(body, longest_run=1))
    if rule := _opt_out_rule(forms, opt_out_type):
        everywhere = any(_EVERYWHERE.search(form) and not _BUT_BY_MAIL.search(form) for form in forms)
        return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, rule, _SCORES.get(rule, 0.9), everywhere)
    for label, pattern in _PHRASES:
        if pattern.search(text):
            if label == BOOKING_YES and (_NEGATED.search(text) or "?" in text):
                continue
            outcome = Reading.Outcome.HOLD if label in _HELD else Reading.Outcome.ROUTE
            return Verdict(label, outcome, "phrase", 0.8)
    return Verdict(OTHER, Reading.Outcome.HOLD, "nothing matched", 0.3)


def _opt_out_rule(forms: Sequence[str], opt_out_type: str) -> str:
    """The rule by which a text in one of these forms is an opt-out; empty where it is none."""
    if opt_out_type == "STOP":
        return "provider"
    if any(form.replace(" ", "") in STOP_WORDS for form in forms):
        return "keyword"
    for form in forms:
        if _VETOES.search(form):
            continue
        for rule, pattern in _OPT_OUT_PHRASES:
            if pattern.search(form):
                return f"phrase:{rule}"
        if form.split(" ")[0] in _STOP_FIRST_WORDS:
            return "first word"
    return ""


def wants_back(body: str) -> bool:
    """Whether the whole text is START or UNSTOP, the only words that lift a STOP (YES may be a booking)."""
    return normalise(body).replace(" ", "") in START_WORDS


def normalise(body: str, longest_run: int = 2) -> str:
    """Lower case, no accents, no apostrophes, single spaces; keeps `?`.

    Three and more of a letter in a row become `longest_run` of it.
    """
    text = unicodedata.normalize("NFKD", body).lower()
    text = "".join(char for char in text if not unicodedata.combining(char))
    text = re.sub(r"['’`]", "", text)
    text = re.sub(r"(.)\1{2,}", r"\1" * longest_run, text)
    text = re.sub(r"[^a-z0-9?#]+", " ", text)
    return re.sub(r"\s+", " ", text).strip()
