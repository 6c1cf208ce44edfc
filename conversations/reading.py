"""Reading replies: what a customer's text asks of us, in English and Spanish.

Three tiers: one word that ends everything, a grammar of verb and object, and a trained remainder. Doubt about
a wish to be left alone is held for a person: missing one costs far more than a reply answered by hand.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from conversations.models import Reading
from conversations.reader import everywhere, grammar, intents, keywords
from conversations.reader.classifier import LABELS, trained
from conversations.reader.keywords import CARRIER_WORDS, START_WORDS, STOP_WORDS
from conversations.reader.wording import canonical, clauses, normalise, unquoted

__all__ = ["DETECTOR", "LABELS", "STOP_WORDS", "Verdict", "needs_person", "normalise", "read", "wants_back"]

DETECTOR = "three-tiers-7"
OPT_OUT, BOOKING_YES, RESCHEDULE, QUESTION = "optout", "booking_yes", "reschedule", "question"
COMPLAINT, WRONG_NUMBER, OTHER = "complaint", "wrong_number", "other"

LEAVES = 0.66
"""From this likelihood of a wish to be left alone on, it ends everything."""
LEAVES_AGREED = 0.45
"""The same where a rule of the grammar says so too."""
DOUBTFUL = 0.20
"""From this likelihood on a person decides."""
BOOKS = 0.66
"""A booking is asked for only from this likelihood on: a technician is sent to a house."""
BOOKS_BESIDE = 0.95
"""The same where the text also asks or refuses something."""
CLEAR = 0.34
"""Below this no label is likely enough to go anywhere by itself."""

_YES_ALONE = frozenset({"y", "yes", "yep", "yeah", "yup", "si", "yes please", "si por favor"})
_WHO_ALONE = frozenset({"who is this", "who are you", "quien es", "quien habla"})
STORY = 12
"""More words than these are a story, where many a word of refusal is about something else ..."""
LEAVES_STORY = 0.88
"""... so that without a rule it takes this to end everything."""
_AGREED = {"sentence": 0.2}  # "Stop." between two full stops says more than a phrase inside a story


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
    if taken_away == "automatic":
        return _automatic(forms, clauses(own))
    if taken_away == "tapback" and not text:
        return Verdict(OTHER, Reading.Outcome.ROUTE, taken_away, 1.0, courtesy=True)
    if not text:
        return _wordless(own, taken_away)
    if word:
        return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, "keyword", 1.0, keyword=word)
    if word := next((found for form in forms if (found := keywords.nearly(form))), ""):
        return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, "nearly a keyword", 0.95, keyword=word)
    if text in START_WORDS:
        return Verdict(OTHER, Reading.Outcome.ROUTE, "start", 1.0)
    if keywords.ordinary(text):
        return Verdict(OTHER, Reading.Outcome.HOLD, "beside a keyword", 0.4)
    if text in _YES_ALONE:
        return Verdict(BOOKING_YES, Reading.Outcome.ROUTE, "phrase:yes", 0.95)
    if text.rstrip(" ?") in _WHO_ALONE:  # answered, it may turn out to be the wrong number
        return Verdict(QUESTION, Reading.Outcome.ROUTE, "phrase:who", 0.9)
    parts = clauses(own)
    likely = trained().likelihoods(parts)
    leaves = likely[OPT_OUT]
    rule = _rule(forms, parts)
    unsupported = not rule and len(text.split()) > STORY
    least = _AGREED.get(rule, LEAVES_AGREED) if rule else LEAVES_STORY if unsupported else LEAVES
    if leaves >= least:
        score = round(leaves, 3)
        return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, rule or "trained", score, everywhere.asked(forms))
    if leaves >= DOUBTFUL:
        label = OPT_OUT if leaves >= LEAVES else _likeliest(text, likely)
        return Verdict(label, Reading.Outcome.HOLD, "doubt", round(leaves, 3))
    return _otherwise(text, likely, quotes_us=taken_away == "footer")


def _rule(forms: Sequence[str], parts: Sequence[str]) -> str:
    """The rule of the grammar by which a text is an opt-out, or nothing."""
    return next((found for form in forms if (found := grammar.opt_out_rule(form, tuple(parts)))), "")


def _automatic(forms: Sequence[str], parts: Sequence[str]) -> Verdict:
    """A phone's own answer, which needs nobody; or somebody who speaks of such texts and has had enough."""
    leaves = trained().likelihoods(parts)[OPT_OUT]
    score = round(leaves, 3)
    rule = _rule(forms, parts)
    if leaves >= LEAVES_STORY and rule:
        return Verdict(OPT_OUT, Reading.Outcome.OPT_OUT, rule, score, everywhere.asked(forms))
    if leaves >= (DOUBTFUL if rule else LEAVES):
        return Verdict(OPT_OUT, Reading.Outcome.HOLD, "doubt", score)
    return Verdict(OTHER, Reading.Outcome.ROUTE, "automatic", 1.0, courtesy=True)


def _wordless(own: str, taken_away: str) -> Verdict:
    """A text without a word: pictures of a mood need nobody, anything else does."""
    if any(unicodedata.category(char) == "So" for char in own):
        return Verdict(OTHER, Reading.Outcome.ROUTE, "emoji", 0.8)
    return Verdict(OTHER, Reading.Outcome.HOLD, taken_away or "nothing to read", 0.3)


def _otherwise(text: str, likely: dict[str, float], *, quotes_us: bool) -> Verdict:
    """A text that is no wish to be left alone."""
    found = intents.intent(text)
    label = _likeliest(text, likely)
    score = round(likely[label] / max(1e-6, 1 - likely[OPT_OUT]), 3)
    if grammar.hints(text):
        return Verdict(OPT_OUT, Reading.Outcome.HOLD, "hint", 0.5)
    if quotes_us and (likely[OPT_OUT] >= 0.05 or len(text.split()) < 4):
        return Verdict(label, Reading.Outcome.HOLD, "doubt", score)
    if not trained().knows(text):
        return Verdict(OTHER, Reading.Outcome.HOLD, "unclear", 0.3)
    if score < CLEAR:
        return Verdict(label, Reading.Outcome.HOLD, "unclear", score)
    agrees = found is not None and found.label == label
    rule = f"phrase:{found.rule}" if found and agrees else "trained"
    return Verdict(
        label, Reading.Outcome.ROUTE, rule, score, courtesy=bool(agrees and found and found.courtesy)
    )


def _likeliest(text: str, likely: dict[str, float]) -> str:
    """The likeliest label but for an opt-out; a booking only where the text speaks of one.

    A question or a refusal beside it ("yes but not Tuesday") takes a booking more certain than usual.
    """
    least = BOOKS_BESIDE if intents.reserved(text) else BOOKS
    books = likely[BOOKING_YES] >= least and intents.may_book(text)
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
