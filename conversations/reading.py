"""Reading replies: what a customer's text asks of us, in English and Spanish.

Three tiers: one word that ends everything, a grammar of verb and object, and a trained remainder. Doubt about
a wish to be left alone is held for a person: missing one costs far more than a reply answered by hand.
"""

import unicodedata
from dataclasses import dataclass

from conversations.models import Reading
from conversations.reader import everywhere, grammar, intents, keywords
from conversations.reader.classifier import LABELS, trained
from conversations.reader.keywords import CARRIER_WORDS, START_WORDS, STOP_WORDS
from conversations.reader.wording import canonical, clauses, normalise, unquoted

__all__ = ["DETECTOR", "LABELS", "STOP_WORDS", "Verdict", "needs_person", "normalise", "read", "wants_back"]

DETECTOR = "three-tiers-2"
OPT_OUT, BOOKING_YES, RESCHEDULE, QUESTION = "optout", "booking_yes", "reschedule", "question"
COMPLAINT, WRONG_NUMBER, OTHER = "complaint", "wrong_number", "other"

LEAVES = 0.90
"""From this likelihood on the trained tier alone ends everything; nothing that a trap explains ever does."""
DOUBTFUL = 0.30
"""From this likelihood of a wish to be left alone on, a person decides."""
DOUBTFUL_BESIDE = 0.60
"""The same where a phrase says plainly what else the text is about."""
AGREES = 0.02
"""Below this the trained tier contradicts the grammar, and a person decides."""
BOOKS = 0.60
"""A booking is asked for only from this likelihood on: a technician is sent to a house."""
CLEAR = 0.34
"""Below this no label is likely enough to go anywhere by itself."""

_SCORES = {"provider": 1.0, "keyword": 1.0, "nearly a keyword": 0.95}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a text was read. `outcome` is what the product does with it.

    `rule` says what decided: a tier and its rule. `score` is the likelihood of `label`, 0 to 1. `everywhere`:
    an opt-out from all contact, at every address, where others concern the phone alone. `courtesy`: thanks
    and their kin, which nobody needs to answer. `keyword`: the one word the whole text was, if it was one.
    """

    label: str
    outcome: Reading.Outcome
    rule: str
    score: float
    everywhere: bool = False
    courtesy: bool = False
    keyword: str = ""


def read(body: str, *, opt_out_type: str = "") -> Verdict:
    """Read one reply. `opt_out_type` is the provider's own finding (`STOP`), which always counts."""
    own, taken_away = unquoted(body)
    plain = normalise(own)
    text = canonical(plain)
    # Letters drawn out ("STOPPP", "meee") may stand for one or for two.
    forms = tuple(dict.fromkeys((text, canonical(normalise(own, longest_run=1)))))
    word = next((found for form in forms if (found := keywords.keyword(form))), "")
    if opt_out_type == "STOP":
        return Verdict(
            OPT_OUT, Reading.Outcome.OPT_OUT, "provider", 1.0, everywhere.asked(forms), keyword=word
        )
    if taken_away == "automatic" or (taken_away == "tapback" and not text):
        return Verdict(OTHER, Reading.Outcome.ROUTE, taken_away, 1.0, courtesy=True)
    if not text:
        return _wordless(own, taken_away)
    if word:
        return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, "keyword", 1.0, keyword=word)
    if word := next((found for form in forms if (found := keywords.nearly(form))), ""):
        return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, "nearly a keyword", 0.95, keyword=word)
    parts = clauses(own)
    likely = trained().likelihoods(text)
    leaves = _leaves(text, parts, likely[OPT_OUT])
    if rule := next((found for form in forms if (found := grammar.opt_out_rule(form, parts))), ""):
        sure = leaves >= AGREES
        outcome = Reading.Outcome.OPT_OUT if sure else Reading.Outcome.HOLD
        score = round(max(leaves, 0.9 if sure else 0.5), 3)
        return Verdict(OPT_OUT, outcome, rule, score, sure and everywhere.asked(forms))
    return _without_grammar(text, likely, leaves, quotes_us=taken_away == "footer")


def _leaves(text: str, parts: list[str], whole: float) -> float:
    """How likely the trained tier thinks it that a text asks to be left alone.

    A wish may stand in one of several sentences. What a trap explains counts for nothing, and where nothing
    of the kind is mentioned at all, likelihood is halved.
    """
    found = max(
        [whole, *(trained().likelihoods(part)[OPT_OUT] for part in parts if len(parts) > 1 and " " in part)]
    )
    bare = grammar.without_traps(text)
    if "/" in bare:
        found = min(found, trained().likelihoods(bare.replace("/", " "))[OPT_OUT])
    if grammar.wants_them(text):
        found = min(found, 0.5)
    return found if grammar.mentions(bare) else found / 2


def _wordless(own: str, taken_away: str) -> Verdict:
    """A text without a word: pictures of a mood need nobody, anything else does."""
    if any(unicodedata.category(char) == "So" for char in own):
        return Verdict(OTHER, Reading.Outcome.ROUTE, "emoji", 0.8)
    return Verdict(OTHER, Reading.Outcome.HOLD, taken_away or "nothing to read", 0.3)


def _without_grammar(text: str, likely: dict[str, float], leaves: float, *, quotes_us: bool) -> Verdict:
    """A text that no keyword and no rule of the grammar calls a wish to be left alone."""
    found = intents.intent(text)
    if leaves >= LEAVES and not found:
        return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, "trained", round(leaves, 3))
    label = found.label if found else _likeliest(text, likely)
    if grammar.hints(text):
        return Verdict(OPT_OUT, Reading.Outcome.HOLD, "hint", round(max(leaves, 0.5), 3))
    doubtful = leaves >= (DOUBTFUL_BESIDE if found else DOUBTFUL) and not (found and found.whole)
    if keywords.ordinary(text):
        return Verdict(OTHER, Reading.Outcome.HOLD, "beside a keyword", 0.4)
    if doubtful or (quotes_us and (leaves >= 0.05 or len(text.split()) < 4)):
        label = OPT_OUT if leaves >= (0.9 if found else 0.5) else label
        return Verdict(label, Reading.Outcome.HOLD, "doubt", round(leaves, 3))
    among_others = likely[label] / max(1e-6, 1 - likely[OPT_OUT])  # what it is if it is no opt-out
    score = round(max(among_others, 0.8) if found else among_others, 3)
    if not found and (score < CLEAR or not trained().knows(text)):
        return Verdict(label, Reading.Outcome.HOLD, "unclear", score)
    rule = f"phrase:{found.rule}" if found else "trained"
    return Verdict(label, Reading.Outcome.ROUTE, rule, score, courtesy=bool(found and found.courtesy))


def _likeliest(text: str, likely: dict[str, float]) -> str:
    """The likeliest label but for an opt-out; a booking only where the text speaks of one."""
    books = likely[BOOKING_YES] >= BOOKS and intents.may_book(text)
    candidates = [each for each in LABELS if each != OPT_OUT and (books or each != BOOKING_YES)]
    return max(candidates, key=likely.__getitem__)


def needs_person(label: str) -> bool:
    """Whether such replies go to a person whatever a workflow draws: somebody is wronged or mistaken."""
    return label in (COMPLAINT, WRONG_NUMBER)


def at_carrier(body: str, rule: str) -> bool:
    """Whether the provider will have blocked the phone too: it said so, or the text is one of its words."""
    return rule == "provider" or normalise(body).replace(" ", "") in CARRIER_WORDS


def wants_back(body: str) -> bool:
    """Whether the whole text is START or UNSTOP, the only words that lift a STOP (YES may be a booking)."""
    return normalise(body).replace(" ", "") in START_WORDS
