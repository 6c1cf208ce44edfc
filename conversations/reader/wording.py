"""Making a customer's words alike before anything reads them: case, accents, emoji, haste and typos."""

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

_EMOJI = {
    "🛑": "stop", "🚫": "stop", "⛔": "stop", "🖕": "eff off", "👍": "thumbsup", "👌": "thumbsup",
    "✅": "thumbsup", "👎": "thumbsdown", "🙏": "please", "❌": "no",
}  # fmt: skip
_JOY = re.compile("[\u2764\u263a\U0001f600-\U0001f64f\U0001f970\U0001f389\U0001f384\U0001f499-\U0001f49c]")

# What people type in a hurry, and the word they mean. Several words where the short form is a phrase.
_SHORT = {
    "u": "you", "ur": "your", "yr": "your", "r": "are", "pls": "please", "plz": "please", "plse": "please",
    "pleas": "please", "plss": "please", "pleez": "please", "txt": "text", "txts": "texts",
    "txting": "texting", "txtin": "texting", "textin": "texting", "tex": "text", "texed": "texted",
    "msg": "message", "msgs": "messages", "mssg": "message", "mssgs": "messages", "msging": "messaging",
    "msj": "mensaje", "msjs": "mensajes", "mjs": "mensajes", "mensajitos": "mensajes", "dnt": "dont",
    "don": "dont", "donot": "dont", "dun": "dont", "doesn": "doesnt", "thx": "thanks", "thnx": "thanks",
    "tx": "thanks", "ty": "thanks", "tysm": "thanks", "thks": "thanks", "thanku": "thanks",
    "tmrw": "tomorrow", "tmr": "tomorrow", "tmw": "tomorrow", "2moro": "tomorrow", "2morrow": "tomorrow",
    "appt": "appointment", "apt": "appointment", "appts": "appointments", "resched": "reschedule",
    "wk": "week", "wks": "weeks", "mon": "monday", "tue": "tuesday", "tues": "tuesday", "wed": "wednesday",
    "weds": "wednesday", "thu": "thursday", "thur": "thursday", "thurs": "thursday", "fri": "friday",
    "gr8": "great", "sry": "sorry", "srry": "sorry", "yall": "you", "yous": "you",
    "stp": "stop", "stahp": "stop", "stawp": "stop", "staph": "stop", "sotp": "stop", "stpo": "stop",
    "rmv": "remove", "rm": "remove", "rmove": "remove", "unsub": "unsubscribe",
    "nvm": "never mind", "nm": "never mind", "num": "number", "nbr": "number", "nmbr": "number",
    "numbr": "number", "nunber": "number", "abt": "about", "bc": "because",
    "cuz": "because", "coz": "because", "agian": "again", "wnat": "want", "tke": "take", "gimme": "give me",
    "wanna": "want to", "gonna": "going to", "gotta": "got to", "lemme": "let me", "idk": "i dont know",
    "rn": "right now", "okay": "ok", "okey": "ok", "kk": "ok", "k": "ok",
    "rong": "wrong", "wrng": "wrong", "ppl": "people", "cell": "phone", "cellphone": "phone", "fone": "phone",
    "mobile": "phone", "digits": "number", "sms": "texts", "ads": "promotions", "promos": "promotions",
    "cannot": "cant", "fkn": "effing", "fn": "effing",
    "fucking": "effing", "fuckin": "effing", "frigging": "effing", "freaking": "effing", "fuck": "eff",
    "fk": "eff", "fck": "eff", "f": "eff", "stfu": "shut up", "ffs": "ugh", "wtf": "ugh", "smh": "ugh",
    "q": "que", "xq": "porque", "pq": "porque", "porfa": "por favor",
    "porfas": "por favor", "porfis": "por favor", "xfa": "por favor", "xfavor": "por favor",
    "plis": "por favor", "cel": "telefono", "celular": "telefono", "tel": "telefono",
    "kiten": "quiten", "kiero": "quiero", "ekivocado": "equivocado", "nomas": "no mas",
    "testos": "textos", "sita": "cita",
    "urself": "yourself", "b4": "before", "l8r": "later",
}  # fmt: skip
_PHRASES = (
    (re.compile(r"\bdo? ?n ?o?t\b(?= )|\bdo not\b|\bdo nt\b"), "dont"),
    (re.compile(r"\b(can not|can t)\b"), "cant"),
    (re.compile(r"\b(will not|won t)\b"), "wont"),
    (re.compile(r"\b(is|was|are|did|does|have|has|would|should|could) n(o)?t\b"), r"\1nt"),
    (re.compile(r"\bx favor\b"), "por favor"),
    (re.compile(r"\bun subscribe\b"), "unsubscribe"),
    (re.compile(r"\bopt(ing|ed)?( (me|us|her|him|this number|this phone|my number))? ?out\b"), "optout"),
    (re.compile(r"\b(s t o p|st op|s top|sto p)\b"), "stop"),
    (re.compile(r"\bany more\b"), "anymore"),
    (re.compile(r"\bi am\b"), "im"),
    (re.compile(r"\bt e x t"), "text"),
)

# Words of wishes whose typos are worth mending; those beside them are words in their own right.
_MENDED = [
    "texting",
    "texts",
    "texted",
    "message",
    "messages",
    "messaging",
    "unsubscribe",
    "unsubscribed",
    "contact",
    "contacting",
    "remove",
    "removed",
    "number",
    "list",
    "stop",
    "stopped",
    "please",
    "anymore",
    "bothering",
    "harassing",
    "sending",
    "delete",
    "deleted",
    "again",
    "phone",
    "database",
    "system",
    "marketing",
    "promotions",
    "notifications",
    "reminders",
    "consent",
    "reschedule",
    "appointment",
    "schedule",
    "quit",
    "cancel",
    "mensajes",
    "mensaje",
    "textos",
    "numero",
    "equivocado",
    "quiten",
    "quitenme",
    "borren",
    "borrenme",
    "eliminen",
    "sistema",
    "manden",
    "mandarme",
    "escriban",
    "escribirme",
    "molesten",
    "molestar",
    "dejen",
    "enviar",
    "envien",
    "wrong",
    "person",
    "cita",
    "desuscribir",
]
_LEFT_ALONE = frozenset(
    [
        "tests",
        "testing",
        "tested",
        "resting",
        "taxes",
        "texas",
        "test",
        "massage",
        "massages",
        "contract",
        "contacts",
        "contracts",
        "contracting",
        "removes",
        "remover",
        "removal",
        "lumber",
        "numbers",
        "member",
        "cumber",
        "lists",
        "lift",
        "last",
        "lost",
        "fist",
        "mist",
        "listed",
        "step",
        "shop",
        "stops",
        "spot",
        "soon",
        "stock",
        "storm",
        "story",
        "store",
        "top",
        "slop",
        "stomp",
        "strop",
        "sloppy",
        "suit",
        "quiet",
        "quite",
        "quick",
        "quits",
        "cancels",
        "cancer",
        "canceled",
        "cancelled",
        "cancelling",
        "channel",
        "spending",
        "ending",
        "mending",
        "lending",
        "bending",
        "seeding",
        "seeing",
        "deleted",
        "phones",
        "data",
        "gain",
        "against",
        "pleased",
        "pleases",
        "persons",
        "personal",
        "personas",
        "hung",
        "rung",
        "wring",
        "wrongs",
        "string",
        "strong",
        "prong",
        "sisters",
        "sister",
        "systems",
        "market",
        "markets",
        "message",
        "messages",
        "promotion",
        "promotional",
        "notification",
        "reminder",
        "remind",
        "stopper",
        "stopping",
        "quitting",
        "nextel",
        "taking",
        "tasting",
        "vesting",
        "nesting",
        "tenting",
        "lasting",
        "listing",
        "posting",
        "scheduled",
        "schedules",
        "rescheduled",
        "appointments",
        "citas",
        "cata",
        "cito",
        "vita",
        "quieren",
        "quieran",
        "manten",
        "mande",
        "mandan",
        "mando",
        "envie",
        "envio",
        "enviar",
        "envian",
        "escribe",
        "escriben",
        "molesta",
        "molestan",
        "deben",
        "dejan",
        "dejo",
        "deje",
        "deja",
        "texto",
        "text",
        "numeros",
        "metros",
        "mensajero",
        "borran",
        "eliminan",
        "equivocada",
        "equivocados",
        "costing",
        "toasting",
        "ceasing",
        "teasing",
        "tenting",
        "leasing",
        "hosting",
        "tiling",
        "telling",
        "tracing",
        "trusting",
        "removing",
        "moved",
        "deletes",
        "shot",
        "stop",
        "stay",
    ]
)

_TAPBACK = re.compile(
    r"^\W*(?:(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|removed an? [\w ]{2,25} from"
    r"|reacted (?:with )?\S{1,8} to|le gust[oó]|le encant[oó]|no le gust[oó]|le dio \S+ a|se ri[oó] de"
    r"|enfatiz[oó]|destac[oó]|cuestion[oó]|le hizo gracia|reaccion[oó] con \S{1,8} a"
    r"|a [\w ]{1,30} le (?:gust[oó]|encant[oó]))"
    r"|[^\w\s\"“”«]{1,8}\s*(?:to|a))\s*[\"“”«„'‘](?P<quoted>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_TAPBACK_PICTURE = re.compile(
    r"^\W*(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned) an? \w+\W*$", re.I
)
_ENDS_QUOTE = re.compile(r"[\"”»“'’](?=[^\"”»“]*$)")
_HISTORY = re.compile(
    r"^(?:on .{4,80} wrote:|el .{4,80} escribi[oó]:|-{2,} ?(?:original|forwarded) message.*|from: .*)$",
    re.IGNORECASE | re.MULTILINE,
)
_AUTOMATIC = re.compile(
    r"\bauto(?:mat(?:ic|ed|ically))?[- ]?(?:reply|response|respuesta|generated|message)\b|\bautomatic reply\b"
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
    r"(?:opt[- ]?out|unsubscribed?|end|cancel(?:ar)?|quit|stop|stop receiving|recibir|removed|darse de baja|salir)"
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
        quoted = found["quoted"]
        end = _ENDS_QUOTE.search(quoted)
        return (quoted[end.end() :] if end else "").strip(), "tapback"
    if _AUTOMATIC.search(body):
        return body, "automatic"
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
    body = _JOY.sub(" ", body)
    text = unicodedata.normalize("NFKD", body).lower()
    text = "".join(char for char in text if not unicodedata.combining(char))
    text = re.sub(r"['’‘`´]", "", text)
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
    """The sentences and parts of sentences of a text, each normalised and canonical; empty ones left out."""
    parts = re.split(r"[.!?,;:\n]+|\s[-–—]+\s|…", body)
    return [text for part in parts if (text := canonical(normalise(part, longest_run=1)))]


@lru_cache(maxsize=4096)
def mended(word: str) -> str:
    """The telling word that `word` is one slip away from (two from nine letters on), or the word itself."""
    if len(word) < 4 or word in _LEFT_ALONE or word in _MENDED_SET or word in known_words():
        return word
    allowed = 2 if len(word) >= 9 else 1
    for known in _MENDED:
        # The first letter is seldom the slip, and short words have many neighbours.
        if len(known) < 5 and not (word[0] == known[0] and sorted(word) == sorted(known)):
            continue
        if abs(len(known) - len(word)) <= allowed and word[0] in known[:2]:
            if slips(word, known, allowed) <= allowed:
                return known
    return word


_MENDED_SET = frozenset(_MENDED)
PHRASES = Path(__file__).parent / "phrases"


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
