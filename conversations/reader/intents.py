"""Phrases that say plainly what a reply is about, where it is no wish to be left alone. First come, first served."""
# ruff: noqa: E501  (patterns are easier to judge unbroken)

import re
from typing import NamedTuple


class Intent(NamedTuple):
    """What a phrase means."""

    label: str
    rule: str
    courtesy: bool = False
    whole: bool = False  # the phrase is the whole text: nothing else is said beside it


_DAY = (
    r"(mon|tues?|wednes|thurs?|fri|satur|sun)day|tomorrow|next (week|month|year)|another (day|time|week)"
    r"|(some )?other (day|time)|different (day|time|date)|later (date|time)"
)
# A no that is a yes.
_TWICE_NO = re.compile(
    r"\b((not|no) (gonna|going to|about to|voy a) (say|decir) (que )?no( to (that|it|this))?|cant say no|why would (i|we) say no|why not"
    r"|going to say no but( \w+){0,2}|said no( \w+){0,3} but|no (objections?|problem\w*|worries|worry|rush|doubt|complaints?|brainer|hurry|hay problema|hay prisa|pasa nada)"
    r"|cant wait|dont (cancel( (me|it|us|that))?|forget|lose( my \w+)?|be late|worry|miss|mind|let the \w+ out|stop at)|wouldnt miss|(not|dont) (revok\w+|cancell?ing|opting)( \w+)?"
    r"|no te preocupes)\b"
)
_NEGATED = re.compile(r"\b(no|not|dont|cant|never|nah|wont|doesnt|isnt|nope|ni|tampoco)\b")
_THANKS = re.compile(
    r"^((ok|great|perfect|good|awesome|cool|alright|got it|many|muchas|mil|perfecto|bueno|gracias|thanks|thank|you|so|much|very"
    r"|a lot|again|guys|all|for|the|info|reminder|letting me know|reaching out|have a (good|great|nice) (day|one|night)"
    r"|god bless|bless|we|i|appreciate|it|too|por|avisar|todo|igualmente|saludos|bendiciones|buen dia|excelente|thumbsup"
    r"|see you (then|soon)|sounds good|will do|noted|amigos?|sir|maam|everyone|team|hi|hello|yall) ?)+$"
)
_GREETS = re.compile(
    r"\b(happy|merry|feliz) (early |belated )?(thanksgiving|new year|christmas|holidays|easter|navidad|ano nuevo|dia"
    r"|hanukkah|fourth|birthday)\b|^(see you (then|soon|there)|nos vemos|hasta luego|you too|igualmente)$"
)
_DECLINES = re.compile(
    r"^(no|nope|nah|naw|n|not (interested|now|yet|right now|today thanks|at this time|for (me|us))|no thanks|no gracias|no thank you|im good"
    r"|we are good|all set|im all set|we are all set|no need|not needed|maybe later|maybe|pass|no (me|nos) interesa|ahorita no|por ahora no|no por (ahora|el momento)"
    r"|never mind|no (i|we) (dont|do not))( (thanks|thank you|gracias|for now|sorry|please|sir|maam|we are good|im good|no|por ahora))*$"
)
_ASKS_FIRST = re.compile(
    r"^(hi |hello |hey |ok |and |but |so |um |good morning |hola |buenas |sorry |yes |excuse me )*"
    r"(how|what|whats|when|where|who|whos|why|which|can|could|would|do|does|did|is|are|will|should|any chance"
    r"|cuanto|cuanta|cuando|que tan|como|cual|a que|donde|quien|por que|tienen|cobran|puedo|pueden|hay)\b"
)
_YES = r"(yes|yep|yeah|yea|yup|yess|ye|sure|absolutely|definitely|of course|certainly|si|claro|dale|simon|sip|bet|y|orale|por supuesto)"

_PHRASES: tuple[tuple[str, str, str], ...] = (
    ("wrong_number", "wrong", r"\bwrong (number|person|#|guy|house|family)|\bnumero (equivocado|incorrecto|erroneo)|\bse equivoc\w+"),
    ("wrong_number", "not them", r"\b(this|that) (is|s) ?not \w+s? (phone|number)\b|\bno (one|body) (here )?(by|named)\b|\bnot \w+s? (phone|number)\b"),
    ("wrong_number", "who", r"^(sorry |hi |um |ok )*(new phone )?who(s| is| are you| tf is)? ?(this|dis|u)?( for| from)? ?\??$|\bdont know (any|a|who)\b"),
    ("wrong_number", "who", r"\bwho dis\b|\b(you )?(meant|looking) (to text|to reach|for) (someone|somebody) else\b|\bnever heard of (him|her|them)\b"),
    ("wrong_number", "lives", r"\b(doesnt|dont|no longer) (live|lives) (here|there|at)\b|\bno vive aqui\b|\byo no soy\b|^no soy \w+$|\bno conozco a\b"),
    ("wrong_number", "lives", r"\b(sold|dont own|no longer own) (that|the|our|my|this) (house|home|place|property)\b"),
    ("complaint", "words", r"\b(terrible|awful|horrible|worst|rip(ped)? ?(me |us )?off|scam(mers?)?$|unacceptable|ridiculous\w*|outrageous|robbery|a joke|unprofessional|disappointed|pathetic|disgusted|unhappy with)\b"),
    ("complaint", "law", r"\b(lawyer|attorney|sue|bbb|small claims|report you|harass\w*|angry|abogado|demanda\w*)\b"),
    ("complaint", "undone", r"\b(never (came|showed|fixed|called( me)? back|finished)|no ?showed|nobody (came|called|showed)|no one (came|called|showed))\b"),
    ("complaint", "undone", r"\bstill (broken|not working|leaking|not fixed|waiting (on|for) (my|the|a) (refund|part|call))\b|\b(leaking|broke|broken|failed) again\b"),
    ("complaint", "money", r"\b(overcharg\w+|refund|charged (me |us )?(twice|double|for nothing)|double (charged|billed)|reembolso|me cobraron|money back)\b"),
    ("complaint", "money", r"\b(stop|quit) (sending|charging|billing|overcharging)\b|\bno (me )?(mand|envi)\w+ (mas |los |sus )*(cobros|facturas|recibos|cuentas)"),
    ("complaint", "boss", r"\b(speak|talk) (to|with) (a|the|your) (manager|supervisor|owner|boss)\b|\bhablar con (el|la|un) (gerente|dueno|supervisor)\b"),
    ("complaint", "done badly", r"\b(you|they|tech|technician|guy|guys|crew|he|plumber) (\w+ )?(broke|damaged|scratched|ruined|flooded|left a mess|was rude|was late|left mud)\b"),
    ("complaint", "done badly", r"\b(you|your \w+) (fixed|repaired|installed|serviced|worked on)\b.*\b(stopped|quit|broke|fail\w*|died|still|again|leak\w*)\b"),
    ("complaint", "es", r"\b(estafa\w*|pesimo|queja|nunca (vino|vinieron|llego|llegaron)|mal servicio|quedo mal|ratero\w*|robaron|no termino)\b"),
    ("reschedule", "words", r"\b(resched\w*|reprogramar\w*|postpone|posponer|aplazar|rain ?check|push (it|this|that|back|out))\b"),
    ("reschedule", "move", r"\b(move|change|cancel|switch|bump)( (it|my|the|our|this|tomorrows|todays))* (appointment|visit|time|date|day|service call|booking|to (mon|tues|wednes|thurs|fri|satur|sun|next|another|a later))"),
    ("reschedule", "instead", rf"\b({_DAY}) (morning |afternoon )?instead\b|\b(earlier|later) (in the day |in the (afternoon|morning) )?instead\b"),
    ("reschedule", "not then", r"\b(not|cant|cannot|wont)( (do|make|be|come))*( it)? (today|this week|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"),
    ("reschedule", "not then", r"\b(wont|doesnt|does not|dont) work (for (me|us) )?anymore\b|\bout of town (until|till|through)\b"),
    ("reschedule", "another", r"\b(another|a different|some other|a later|any other) (day|time|date|week|month)\b"),
    ("reschedule", "later", r"\b(try|text|call|contact|check( back)?( with)?|ask|hit) (me|us)?( back| again)* ?(next|in (a|two|the|january|february|march|spring)|after the)\b"),
    ("reschedule", "es", r"\b(cambiar|mover|cancelar?|cancelen|pasar) (la|mi|nuestra|una)? ?(cita|visita|fecha|hora)\b|\botr[ao] (dia|hora|semana|fecha)\b|\b(mas tarde|proximo mes|proxima semana)\b"),
)  # fmt: skip
_COMPILED = tuple((label, rule, re.compile(pattern)) for label, rule, pattern in _PHRASES)

_BOOKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("works", re.compile(r"\b(that |this |it )?works (great |fine |well )?for (me|us)( (thumbsup|thanks|please))*$")),
    ("yes", re.compile(rf"^(oh |well |hi |hello |ok |um |hell |heck )?{_YES}( |$)")),
    ("ask", re.compile(r"\b(book (it|me|us|that)|sign (me|us) up|schedule (me|it|us|that)|please schedule|put (me|us) (down|on the"
                       r" (schedule|calendar))|pencil me in|count me in|set it up|lets do (it|this)|please do|go ahead)\b")),
    ("ask", re.compile(r"\b(lock (it|me|that|us) in|(put|pencil|write) (me|us) (in|down)|count (me|us) in|get (me|us) on the|(i|we) (accept|approve|authorize|consent)|we agree|(my|our) (authorization|approval|ok|permission) to (schedule|book|proceed|come|set)"
                       r"|you may proceed|i agree to|affirmative|approval to|(slot|spot|appointment) is mine|its mine|it is mine|confirming( that)? (we|i|our|my)|bring (him|it|them) on"
                       r"|send (him|her|them|somebody|someone|the guy|your guy|the tech|a tech|it)|come on (out|over|by))\b")),
    ("ask", re.compile(r"\b(i want|id like|i would like|wed like|we would like|id love|ready|we want|i need)( \w+)? to (book|schedule)\b")),
    ("ask", re.compile(r"^(1|confirmed|confirm|i confirm|absolutely|definitely|interested|im interested|im in|sounds good book)$")),
    ("es", re.compile(r"\b(quiero|quisiera|me gustaria) (agendar|reservar|una cita|la cita|hacer (una|la) cita)\b"
                      r"|\b(agend(e|a|en)(me|lo)|anot[ea]n?me|apunt[ea]n?me|reserv[ea]n?me)\b|^me (interesa|apunto)")),
)  # fmt: skip


_YES_WHEN = re.compile(
    rf"^({_YES}|sounds good|great|perfect|esta bien|ok)( \w+){{0,3}}"
    r" (what (time|times|day|days)|when|(mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|que (dia|hora)|a que hora|cuando)\b"
)
_MAY_BOOK = re.compile(
    r"\b(yes|yessir|yessum|yesss?|aye|bet|aight|affirmative|accept\w*|agree\w*|approv\w*|authoriz\w*|consent|proceed|objections?|lock|(put|count|get|pencil|write) (me|us)|visit|appointment|roger"
    r"|mand\w+|una|yep|yeah|yea|yup|ye|sure|ok|works?|book\w*|schedul\w*|sign|interested|come|send|need|want|like|love|lets|do it|deal"
    r"|mon|monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|today|morning|afternoon|anytime|any|time|available|am|pm|noon"
    r"|at \d+|\d+ ?(am|pm)|ready|perfect|good|great|fine|down|go ahead|confirm\w*|slot|calendar|asap|thumbsup|si|claro|dale|bien|cita"
    r"|agend\w*|vengan?|manana|tarde|dia|lunes|martes|miercoles|jueves|viernes|sabado|cualquier|hora|acuerdo|adelante|interesa|quiero"
    r"|apunt\w*|anot\w*|perfecto|va|sale|vale|listo|\d+)\b"
)
_PUTS_OFF = re.compile(
    r"\b(let me|ill let|will let you|get back to you|check (with|my)|(let me|have to|need to|gotta|got to|ill|i) look at (my|the)|ask my|talk to my|think about|look at my|call you|maybe|not sure|idk"
    r"|luego|despues les|pensarlo|preguntar\w*)\b"
)


_TAKES_OUT = re.compile(
    r"\b(unsubscribe|optout|(remove|take) (me|us)|stop (part|texts?|texting|messag\w+))\b"
)


def reserved(text: str) -> bool:
    """Whether a canonical text asks or refuses something beside whatever it accepts."""
    return (
        bool(_TAKES_OUT.search(text))
        or ("?" in text and not _YES_WHEN.match(text))
        or bool(_NEGATED.search(_TWICE_NO.sub(" ", text)))
    )


def may_book(text: str) -> bool:
    """Whether a text names anything that an acceptance names, and puts nothing off."""
    return bool(_MAY_BOOK.search(text)) and not _PUTS_OFF.search(text)


def intent(text: str) -> Intent | None:
    """What a canonical text plainly says, or None where only the trained part can tell."""
    if _THANKS.match(text) and re.search(r"\b(thank|thanks|gracias|appreciate|bless|see you)\b", text):
        return Intent("other", "thanks", courtesy=True, whole=True)
    if _DECLINES.match(text):
        return Intent("other", "declines", whole=True)
    if _GREETS.search(text):
        return Intent("other", "greeting", courtesy=True)
    for label, rule, pattern in _COMPILED:
        if pattern.search(text):
            return Intent(label, rule)
    asks = "?" in text
    if _PUTS_OFF.search(text) and not asks:
        return Intent("other", "puts off")
    for rule, pattern in _BOOKS:
        if pattern.search(text) and not asks and not _NEGATED.search(_TWICE_NO.sub(" ", text)):
            return Intent("booking_yes", rule)
    if asks and _YES_WHEN.match(text) and not _NEGATED.search(text):
        return Intent("booking_yes", "yes, when")
    if asks or _ASKS_FIRST.match(text):
        return Intent("question", "asks")
    return None
