"""Whom and what a refusal is about: cues beside the verb that turn a word of ceasing into something else.

“Take me off Monday”, “I'm not saying stop”, “my ex told you to remove me”, “quit apologizing”: each cue that is
found is evidence for the trained part, none decides by itself.
"""
# ruff: noqa: E501  (patterns are easier to judge unbroken)

import re

_CEASING = (
    r"(stop\w*|quit\w*|optout|opting|unsub\w*|cancel\w*|revok\w*|remov\w*|delet\w*|end|block\w*|withdraw\w*|rescind\w*"
    r"|(tak|dropp?|kick)(e|ing)? (me|us) off|drop (me|us)|dejen? de|pare[n]? de|quiten|borren)"
)
_NOT = r"(dont|never|not|didnt|nor|without|isnt|wasnt|havent|arent|aint|no)"
_DAY = (
    r"(mon(day)?|tues?(day)?|wed(nesday)?|thurs?(day)?|fri(day)?|sat(urday)?|sun(day)?|today|tomorrow|tonight|morning|afternoon|week"
    r"|month|\d+\w*|noon|lunes|martes|miercoles|jueves|viernes|sabado|domingo|manana|hoy)s?"
)
_PLANNED = r"(schedule|calendar|slots?|appointments?|appt|visits?|booking|route|lineup|board|inspection|tune ?up|citas?|visitas?|ruta|agenda)"
_TEXTS = r"(texts?|texting|messages?|reminders?|alerts?|updates?|msgs?|avisos|mensajes|recordatorios|notifications?)"
_FOLK = (
    r"(husband|wife|mom|mother|dad|father|son|daughter|kid|ex|brother|sister|landlord|tenant|roommate|neighbor|boss|he|she|they"
    r"|whoever|someone|somebody|nobody|esposo|esposa|mama|papa|hijo|hija|vecina|el|ella)"
)
_PAPERS = r"(proposal|estimate|quote|invoice|bill|order|total|contract|account|estimado|factura|cotizacion|presupuesto|cuenta)"
_WORKER = r"(dispatch\w*|trucks?|tech\w*|guys?|man|crew|plumber|electrician|installer|inspector|driver|him|nobody|anybody|anyone|someone|tecnicos?|plomero|muchachos?)"

_CUES: tuple[tuple[str, str], ...] = (
    # The wish is denied, or the opposite of it is said.
    ("not asked", rf"\b{_NOT}( (really|even|i|am|im|to|be|at all|here|like))* (want|wish|mean|meant|say|saying|said|ask|asking|asked|intend\w*|trying|looking|going|gonna|like)"
                  rf"( (you|yall|for|to|be|me|us|have|the word|that|any|anything|in))* {_CEASING}\b"),
    ("not ceasing", rf"\b{_NOT}( (you|yall|dare|ever|please|even|going to|me|us|am|i))* {_CEASING}\b|\bno (me |nos )?(quiten|borren|saquen|eliminen|dejen)\b"),
    ("welcome", rf"\b{_TEXTS}( \w+)? (are|r|is|can|son|me|help\w*)( \w+){{0,2}} ?(fine|ok|okay|good|great|useful|helpful|welcome|stay|handy|nice|sirven|utiles|gustan|bien|us|me)\b"),
    ("welcome", rf"(?<!dont )(?<!not )(?<!longer )(?<!never )(?<!didnt )\b(like|love|want|need|enjoy|appreciate|rely on|depend on|quiero|gustan|sirven|dont mind|fine with|ok with)"
                rf" (your |the |these |those |getting |los |sus |all )*({_TEXTS}|them)\b(?! (to|stop\w*|gone|off|removed|ended))"),
    ("welcome", r"\b(leave|keep) (me|us|my number|my name|mine) (on|in|posted|subscribed|there)\b|\btext away\b|\bplease (continue|keep)\b|\b(them|texts|reminders|messages|keep em) coming\b|\bconsent stands\b|\bno (objections?|problem) (to|with)\b"),
    ("welcome", r"\b(you (guys|all|people|folks) (are|r) (fine|ok|okay|good|angels|great)|(text\w*|yall|yours) (is|are) (fine|ok|okay|one|welcome)|not spam|do(nt| not) spam|so far so good|glad of (it|them)|carry on|(agree|happy|like|prefer|love|fine) (to (receive|get|have)|getting|receiving) (\w+ )?texts?"
                r"|(give|have) (my |you |our )*(permission|consent) to|resubscribe|unblock\w*|un ?mark\w*|add me back|sign me back|still (need|want|like) (mine|them|the|your|both)|want both|keep the \w+ (texts?|ones|messages?|reminders?))\b"),
    ("hypothetical", r"\b(tempted|almost|nearly|wish i could|if (i|you|u) (ever|were|was)|if i wanted|would (have|of) (block|unsub|stop|left|quit|delet)\w*|some ?day|until i say|before i|so i dont have to)\b"),
    ("out of other", rf"\b(optout|unsubscribed?|unsubscribing|baja)( (from|of|de|del))( (the|your|my|la|el|all|any|this|that))*(?! ({_TEXTS}|these|this|it|everything|all|list|lista|anything|any|your|sms|promo\w*|marketing|future|esto|aqui|de|del|la|el|the|my)\b) \w+"),
    ("blocked pipe", r"\bblock(ed|s)? (drain|toilet|sink|pipe|sewer|line|vent|filter|driveway|street|heater|party|off the)\w*|\b(drain|toilet|sink|pipe|vent|driveway) (is |was |got )*(blocked|bloquead[oa])\b|bloquead[oa] el\b"),
    ("leave it alone", r"\bleav(e|ing) (my|the|our|that|those) (?!wife|husband|mom|mother|dad|phone|family|number|kids?|son|daughter|tenant)\w+ alone\b|\bleave alone\b"),
    ("slip", r"\b(by (mistake|accident)|accidental\w*|ignore (that|my)|disregard (that|my)|autocorrect\w*|typo|(meant|supposed) to (type|say|send|text|go)|pocket|undid|undo|oops|sin querer|por error)\b"),
    ("curious", r"\b((just|only) (curious|wondering|asking|checking)|dont mind|not complaining|solo (pregunto|preguntaba)|por curiosidad)\b"),
    ("joke", r"\b(lol|lmao|rofl|ha(ha)+h?|ja(ja)+|jk|kidding|joking|blush\w*|hilarious|cute\w*)\b"),
    ("mechanism", r"\b(does|do|what happens|if|will|is|can|would|when|si)( \w+){0,5} (stop|unsubscribe|optout|stopping|unsubscribing|opting)\b.*\?|\bwhat (does|do|happens)\b.*\b(stop|unsubscribe|optout)\b"),
    # Somebody else says it, did it, or is asked.
    ("reported", rf"\b{_FOLK}( \w+)? (says?|said|told|tells|asked|asks|sent|typed|types|texted|hit|unsub\w*|optout|swears|borrowed|set|wants|wrote|thinks|dice|dijo|mando)\b|\b(kids?|teenager|grandson|granddaughter|grandkids?|nephew)\b"),
    ("told others", r"\b(told|asked|asking|tell|telling) (him|her|them|my|the other|another|everyone|dish|verizon|att|him to)\b"),
    ("others", r"\b(other|another|different|previous|last|old) (company|companies|guys?|contractor|place|outfit|plumber|people|shop|vendor)\b|\b(netflix|verizon|t mobile|amazon|facebook|doordash|uber|comcast|spotify|hulu|costco|walmart)\b|\bsomebody elses?\b"),
    ("past", r"\b(i|we|he|she|they|it|my \w+|your \w+|the \w+|who|that)( just| already| finally| never| had| has)? (stopped|quit|cancell?ed|removed|ended|deleted|dropped|stopped)\b"),
    ("thanks for", r"\b(thanks?|thank you|gracias|appreciate)( \w+){0,3} (for|por) (stopp\w+|remov\w+|tak\w+|end\w+|not|quitt\w+|unsub\w+|dejar|quitar\w*|cancel\w+)\b"),
    # The verb has another object.
    ("off a day", rf"\b(off|from|out of|out|de|del|for|forget|end)( (the|your|for|this|that|next|my|todays?|tomorrows?|todays|la|lista|el|on|coming|about))* ({_DAY}|{_PLANNED})\b"),
    ("off papers", rf"\b(remove|delete|take|drop|scratch|quit\w*|sa[cq]u?\w*|borr\w*|leave)\b.* (off|from|out of|del|de|de la|off of|out)( (the|my|our|your|this|that|la|el))* {_PAPERS}\b"),
    ("unbook", rf"\b(unbook|unschedule)\b|\b(cancel\w*|stop|forget|skip|scrap|call off|olvid\w*|never ?mind|undo|hold off on)( (the|my|our|that|todays|tomorrows|this|about|se|de|la|el|mi|on|ese|esa))* ({_PLANNED}|{_DAY}|{_WORKER}|job|work|install\w*|repair)\b"),
    ("no worker", rf"\b(stop|cancel|call off|dont send|dont (need|have|let)|hold|halt|call back|no mand\w+|tell)( (the|your|that|ur|my|his|todays|any|a|out|el|al|a un|to))* {_WORKER}\b"),
    ("dont come", r"\b(dont|not|no) (come|coming|show|vengan?|visit)\b"),
    ("other doing", r"\b(stop|quit|stopping|stops|dejen? de|stopped)( (your|the|all|this|me from))* (?!text|messag|contact|send|bother|harass|spam|bugg|pester|annoy|solicit|disturb|remind|blow|flood|call|email|ping|reach|hound|stalk|writ|advertis|market|mail|hitt|nag|try|mand|envi|escrib|molest|everything|anything|noth|pushing|blast|badger|ask|morning|beg)(\w{2,}ing|\w{3,}[aei]r)\b"),
    ("stop where", r"\b(stops?|stopping|stopped) (at|by|in|for|with|on|over|when|while|valve|sign|light|button|watch|work|and (chat|say|visit|see|get|look))\b"),
    ("stop the thing", r"\b(stop|quit|end|cancel) (the|a|an|my|his|her|that|our)\b(?! (texts?|texting|messages?|messaging|spam\w*|reminders?|alerts|notifications?|text|ads|marketing|madness|harass\w*|sms|promo\w*|offers?|calls?|subscription|automated|auto|mass|crap|bs|nonsense|damn|noise texts|constant|campaign|communication|contact|mail\w*))"),
    ("left there", r"\bleav(e|ing)( me| us)? (the|a|it|your|them|him|her|key|note|invoice|card|for|on|early|at|work|in|around|town)\b|\bon leave\b"),
    ("delete a thing", r"\b(borr\w*|delete\w*|ignore|disregard|erase) (la|el|that|the|my|this) (foto|photo|pic\w*|last|text|message|mensaje|video|voicemail|file)\b"),
    ("ident", r"\b(license|legal|account|policy|invoice|model|serial|confirmation|order|permit|reference|po|tax|tracking|callback|office|dispatch\w*|emergency|contractor|main|direct|insurance|owners?|company) (name|number|phone|line)s?\b|\b(your|whats your|the) (\w+ )?(license|legal name|number|phone number|address)\b"),
    ("rejects offer", rf"\b(reject|declin\w*|pass on|refus\w*|turn(ing)? down|not accept\w*|not going with|not moving forward)( \w+){{0,3}} (offer|bid|{_PAPERS}|price|deal|upgrade)\b"),
    ("no question", r"\bno (further|more|other) (questions?|issues?|problems?|leaks?|work|repairs?|charges?|surprises)\b"),
    ("for now", r"\b(not|no|cant|dont)( \w+){0,4} (now|yet|this (month|week|year|time|season)|right now|at the moment|today|por ahora|ahorita|todavia|until)\b"),
    # How often, when and by what way, not whether.
    ("limits", r"\b(once|twice|one|two) (a|per|every) (day|week|month|year|season)\b|\b(less often|fewer|not so (many|early|late|often)|too (early|late)|before \d+|after \d+|not before|during work|at night|while (im|i am)|only (the )?(appointment|reminders?))\b"),
    ("other way", r"\b(call|email|e mail|phone|write) (me|us|him|her)? ?(instead|rather)|\b(instead of|rather than) (text\w*|call\w*)\b|\bprefer (a |to )?(call|phone|email|text|talk)\w*"),
    ("reassigned", r"\b(number|phone|line)( \w+){0,5} (reassigned|given to|assigned|belongs?|belonged|recycled|used to be)\b|\b(just|recently) got (this|a new) (number|phone)\b|\b(confunde|confundi\w+)\b"),
    ("conditional", r"\b(if|unless|until|otherwise|in case|si no|hasta que|a menos)\b"),
    # The wish itself, in ways that name no verb of ceasing.
    ("costs", r"\b(next|another|each|every|one more|further|any more) (text|message|contact|one)( \w+){0,4} (costs?|\d+|lawsuit|lawyer|court|attorney|fcc|bill|invoice)\b"),
    ("another one", r"\b(dont|never|no|not)( you| dare| ever| please| you dare)* (send|get|see|want|need|receive)( me| us| to see| to get| to hear)?( \w+)? ?(another|others|any ?thing|one more|again)\b"),
    ("last one", r"\b(last (one|text|message|time)|the last of)\b"),
    ("how often asked", r"\b(how many times|again and again|for the (last|\w+th|third|second|final) time|already (asked|told|said)|asked (you )?(twice|before|already)|keep getting|still getting)\b"),
    ("goes on", r"\b(stop|unsubscribe|optout) (but|and|pero|y|because|cuz|i|we|no|my|im|thanks|please)\b"),
)  # fmt: skip
_COMPILED = tuple((name, re.compile(pattern)) for name, pattern in _CUES)


def cues(text: str) -> tuple[str, ...]:
    """The names of the cues in a canonical text, each once, in their order."""
    return tuple(dict.fromkeys(name for name, pattern in _COMPILED if pattern.search(text)))
