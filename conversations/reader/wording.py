"""Making a customer's words alike before anything reads them: case, accents, emoji, haste and typos."""

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

PHRASES = Path(__file__).parent / "phrases"
WORDS = Path(__file__).parent / "words"


def listed(name: str) -> tuple[str, ...]:
    """The words of one of the lists beside this module, in order."""
    return tuple((WORDS / f"{name}.txt").read_text("utf-8").split())


_EMOJI = {
    "🛑": "stop", "🚫": "stop", "⛔": "stop", "🖕": "eff off", "👍": "thumbsup", "👌": "thumbsup",
    "✅": "thumbsup", "👎": "thumbsdown", "🙏": "please", "❌": "no",
}  # fmt: skip
_LAUGHS = re.compile("[\U0001f602\U0001f923\U0001f639\U0001f480\U0001f605]+")
_JOY = re.compile("[\u2764\u263a\U0001f600-\U0001f64f\U0001f970\U0001f389\U0001f384\U0001f499-\U0001f49c]")

# What people type in a hurry, and the word they mean. Several words where the short form is a phrase.
_SHORT = dict(
    line.split(" = ") for line in (WORDS / "short.txt").read_text("utf-8").splitlines() if " = " in line
)
_PHRASES = (
    (re.compile(r"\bdo? ?n ?o?t\b(?= )|\bdo not\b|\bdo nt\b"), "dont"),
    (re.compile(r"\b(can not|can t)\b"), "cant"),
    (re.compile(r"\b(will not|won t)\b"), "wont"),
    (re.compile(r"\b(is|was|are|did|does|have|has|would|should|could) n(o)?t\b"), r"\1nt"),
    (re.compile(r"\bx favor\b"), "por favor"),
    (re.compile(r"\bun subscribe\b"), "unsubscribe"),
    (
        re.compile(r"\bopt?t?(ing|ed)?( (me|us|her|him|this|my|number|phone|tf|the|eff|effing)){0,3} ?out\b"),
        "optout",
    ),
    (re.compile(r"\b(s t o p|st op|s top|sto p)\b"), "stop"),
    (re.compile(r"\bany more\b"), "anymore"),
    (re.compile(r"\bi am\b"), "im"),
    (re.compile(r"\bt e x t"), "text"),
)

# Words of wishes whose typos are worth mending; those beside them are words in their own right.
_MENDED = listed("mended")
_LEFT_ALONE = frozenset(listed("left_alone"))

_TAPBACK = re.compile(
    r"^\W*(?:(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|removed an? [\w ]{2,25} from"
    r"|reacted (?:with )?\S{1,8} to|(?:\w{2,20} )?le gust[oó]|(?:\w{2,20} )?le encant[oó]|no le gust[oó]"
    r"|le dio \S+ a|se ri[oó] de"
    r"|enfatiz[oó]|destac[oó]|cuestion[oó]|le hizo gracia|reaccion[oó] con \S{1,8} a"
    r"|a [\w ]{1,30} le (?:gust[oó]|encant[oó]))"
    r"|[^\w\s\"“”«]{1,8}\s*(?:to|a))\s*[\"“”«„'‘](?P<quoted>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_TAPBACK_PICTURE = re.compile(
    r"^\W*(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned) an? \w+\W*$", re.I
)
_ENDS_QUOTE = re.compile(r"[\"”»“](?:\s*\n)")
_HISTORY = re.compile(
    r"^(?:on .{4,80} wrote:|el .{4,80} escribi[oó]:|-{2,} ?(?:original|forwarded) message.*|from: .*)$",
    re.IGNORECASE | re.MULTILINE,
)
_AUTOMATIC = re.compile(
    r"\bauto(?:mat(?:ic|ed|ically))?[- ]?(?:reply|response|respuesta|generated|message)\b|\bautomatic reply\b"
    r"|do not disturb (?:while driving )?(?:is )?(?:turned )?on"
    r"|do not disturb while driving|respuesta autom[aá]tica|mensaje autom[aá]tico"
    r"|\bout of (?:the |my )?office\b.{0,80}\b(?:until|return|monday|back|email|week)\b"
    r"|focus (?:mode )?turned on|not receiving notifications|this (?:number|mailbox) is not monitored"
    r"|fuera de la oficina|driving focus|sent from my car",
    re.IGNORECASE | re.DOTALL,
)
# Our own last line, as it stands in what people quote: “Reply STOP to opt out”.
_FOOTER = re.compile(
    r"\b(?:reply|replying|text|txt|send|respond|responda|responde|conteste|env[ií]e|mande)\s+(?:with\s+|con\s+)?"
    r"[\"“'‘]?(?:stop|alto|parar|baja|cancel|end)[\"”'’]?\s+(?:to|2|for|para|y)\s+"
    r"(?:(?:no|be|dejar|de|m[aá]s)\s+){0,3}"
    r"(?:opt[- ]?out|unsubscribed?|end|cancel(?:ar)?|quit|stop|stop receiving|recibir|removed|darse de baja"
    r"|salir)"
    r"(?:\s+(?:m[aá]s|texts?|messages?|msgs|alerts|mensajes|textos))?",
    re.IGNORECASE,
)
_SAYS_SO_HIMSELF = re.compile(r"\b(i|ive|i'?ll|how|did|already|quiero|ya|to)\s*$", re.IGNORECASE)


def unquoted(body: str) -> tuple[str, str]:
    """The customer's own words, and what was taken away: `tapback`, `automatic`, `footer` or nothing."""
    body = re.sub("[\u200a-\u200f\u202f\u2060\ufe0f\ufeff]", " ", body)
    if _TAPBACK_PICTURE.match(body):
        return "", "tapback"
    if found := _TAPBACK.match(body):
        # Phones send nothing beside the quotation; only a line of its own can be the customer's.
        _, *below = _ENDS_QUOTE.split(found["quoted"])
        return (below[-1].strip() if below else ""), "tapback"
    if _AUTOMATIC.search(body):
        return _FOOTER.sub(" ", body), "automatic"
    if found := _HISTORY.search(body):
        body = body[: found.start()]
    body = "\n".join(line for line in body.split("\n") if not line.lstrip().startswith(">"))
    found = _FOOTER.search(body)
    if found and not _SAYS_SO_HIMSELF.search(body[: found.start()]):
        return _FOOTER.sub(" ", body), "footer"
    return body, ""


def normalise(body: str, longest_run: int = 2) -> str:
    """Lower case, no accents, no apostrophes, single spaces; keeps `?` and `#`.

    Three and more of a letter in a row become `longest_run` of it. Emoji that say a word become it.
    """
    for emoji, word in _EMOJI.items():
        if emoji in body:
            body = body.replace(emoji, f" {word} ")
    body = _JOY.sub(" ", _LAUGHS.sub(" lol ", body))
    text = unicodedata.normalize("NFKD", body).lower()
    text = "".join(char for char in text if not unicodedata.combining(char))
    text = re.sub(r"['’‘`´]", "", text)
    text = re.sub(r"\$(?=[a-z])", "s", text)
    text = re.sub(r"(?<=[a-z])2(?=[a-z])", " to ", text)
    text = re.sub(r"(?<=[a-z])0(?=[a-z])", "o", text)
    text = re.sub(r"([a-z?])\1{2,}", r"\1" * longest_run, text)
    text = re.sub(r"[^a-z0-9?#]+", " ", text)
    return re.sub(r"\s+", " ", text).strip()


def canonical(text: str) -> str:
    """A normalised text with short forms spelt out and the typos of telling words mended."""
    words = [_SHORT.get(word) or mended(word) for word in re.sub(r"\?+", " ? ", text).split()]
    text = " ".join(words)
    for pattern, instead in _PHRASES:
        text = pattern.sub(instead, text)
    return text


def clauses(body: str) -> list[str]:
    """The sentences and parts of sentences of a text, each normalised and canonical; empty ones left out.

    A question keeps its mark, as a word of its own.
    """
    parts = re.split(r"[.!,;:\n]+|\s[-–—]+\s|…", re.sub(r"\?+", "?\n", body))
    return [text for part in parts if (text := canonical(normalise(part, longest_run=1)))]


@lru_cache(maxsize=4096)
def mended(word: str) -> str:
    """The telling word that `word` is one slip away from (two from nine letters on), or the word itself."""
    if len(word) < 4 or word in _LEFT_ALONE or word in _MENDED or word in known_words():
        return word
    allowed = 2 if len(word) >= 9 else 1
    for known in _MENDED:
        # The first letter is seldom the slip, and short words have many neighbours.
        if len(known) < 5 and not (word[0] == known[0] and sorted(word) == sorted(known)):
            continue
        near = abs(len(known) - len(word)) <= allowed and word[0] in known[:2]
        if near and slips(word, known, allowed) <= allowed:
            return known
    return word


@cache
def known_words() -> frozenset[str]:
    """Every word of the training phrases: words in their own right, never slips."""
    files = sorted(PHRASES.glob("*.txt"))
    return frozenset(word for file in files for word in normalise(file.read_text("utf-8")).split())


def slips(one: str, other: str, limit: int = 2) -> int:
    """How many letters were added, left out, exchanged or swapped with a neighbour, at most `limit` + 1."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        following = [i]
        for j, b in enumerate(other, start=1):
            cost = min(row[j] + 1, following[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        if min(following) > limit:
            return limit + 1
        before, row = row, following
    return row[-1]
