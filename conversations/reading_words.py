"""How a reply was read, in plain words: what each label means, what decided, and how sure the reader was."""

from conversations.models import Reading
from conversations.reading import OPT_OUT, OTHER, wants_back

LABELS = {
    "optout": "An opt-out",
    "booking_yes": "A yes to booking",
    "reschedule": "Another time",
    "question": "A question",
    "complaint": "A complaint",
    "wrong_number": "A wrong number",
    "other": "Something else",
}
MEANINGS = {
    "optout": "They want no more texts or calls.",
    "booking_yes": "They want the visit. A correction books nothing: book it in ServiceTitan.",
    "reschedule": "They want the visit at another time.",
    "question": "They ask something and wait for an answer.",
    "complaint": "They are unhappy about us or our work.",
    "wrong_number": "This phone is not our customer’s.",
    "other": "Nothing of all this.",
}
_RULES = {
    "provider": "The carrier itself took it for an opt-out.",
    "keyword": "The whole text is a word that ends all texts.",
    "nearly a keyword": "The whole text is nearly a word that ends all texts.",
    "trained": "It resembles replies that people have read before.",
    "hint": "It hints at an opt-out without saying so. A person decides.",
    "doubt": "It may be an opt-out. A person decides.",
    "unclear": "It is not clear what they want. A person decides.",
    "beside a keyword": "It is one ordinary word that may be a slip of STOP. A person decides.",
    "tapback": "The phone reported a reaction to our text.",
    "automatic": "The phone answered by itself.",
    "footer": "It quotes our own last line.",
    "emoji": "It is pictures without words.",
    "nothing to read": "It holds no words.",
    "by hand": "A person read it.",
    "cease": "They ask us to stop.",
    "unwanted": "They say that they do not want our texts.",
    "remove": "They want to be taken off our list.",
    "channel": "They want to hear from us another way than by text.",
    "leave": "They want to be left alone.",
    "es": "They ask us in Spanish to stop.",
}


def label(name: str) -> str:
    """“An opt-out”."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def of(reading: Reading, body: str) -> str:
    """“a question”, inside a sentence; a doubt is called one, and START what it is."""
    if reading.label == OTHER and wants_back(body):
        return "a wish for texts again"
    doubt = reading.outcome == Reading.Outcome.HOLD and reading.label == OPT_OUT
    return f"perhaps {short(reading.label)}" if doubt else short(reading.label)


def short(name: str) -> str:
    """“an opt-out”, inside a sentence."""
    words = label(name)
    return words[:1].lower() + words[1:]


def why(reading: Reading) -> str:
    """What decided, as a sentence."""
    name = reading.rule.rpartition(":")[2]
    if name in _RULES:
        return _RULES[name]
    return f"It says so in so many words ({_plain(name)})." if name else "Nobody noted what decided."


def sure(reading: Reading) -> str:
    """“94 % sure”."""
    return f"{round(reading.score * 100)}% sure"


def _plain(name: str) -> str:
    return name.replace("_", " ")
