"""The grammar of a wish to be left alone: a verb of ceasing and its object, in English and Spanish.

What only looks like one is taken out first (`TRAPS`): what follows the verb decides, not the verb.
"""
# ruff: noqa: E501  (patterns are easier to judge unbroken)

import re
from functools import lru_cache

_UNIT = (
    r"(furnace|ac|a c|heater|water heater|boiler|pump|unit|thermostat|toilet|fan|motor|compressor|leak|noise"
    r"|alarm|breaker|faucet|dog|rain|beeping|pilot light|generator)"
)
_APPOINTMENT = (
    r"(appointment|visit|booking|service call|tune ?up|inspection|cleaning|estimate|job|service|repair|order|quote"
    r"|membership|plan|contract|warranty|auto ?pay|card|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    r"|tomorrow|today|promo|policy|part|parts|other|guys|company)"
)
_DAY = r"(monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow|the \d+\w*)"
_BILLS = r"(bills?|invoices?|statements?|collection|charges?|letters?)"
_WORKER = (
    r"(technicians?|techs?|guys?|man|men|crew|kid|plumber|electrician|someone|anyone|anybody|somebody|people)"
)
_WHO = r"(cobros?|facturas?|recibos?|cuentas?|multas?|tecnicos?|senor|muchachos?|alguien|nadie|gente)"

TRAPS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern)
    for pattern in (
        # Verbs with another object or none of ours.
        r"\b(stop|stopping|swing|drop)( on)? (by|in|over|at|around|and shop|n shop|sign|light|lights)\b",
        r"\b(bus|truck|pit|full|non|one|rest|the|a|short|next|first|last) stop\b",
        r"\b(quit|quits|quitting|stop|stops|stopped|stopping) (work\w*|heat\w*|cool\w*|runn\w*|leak\w*|drain\w*"
        r"|blow\w*(?! up)|spinn\w*|turn\w*|fir\w*|us(ing|ed)|smok\w*|offer\w*|sell\w*|carry\w*|servic\w*|on (us|me)"
        r"|again|last (night|week|year)|my job|her job|his job|halfway|charg\w*|bill\w*|cancel\w*|lying|reschedul\w*"
        r"|show\w*|bark\w*|at the|for (gas|lunch|coffee)|the (leak|noise|water|alarm|beep\w*|work|visit|service))\b",
        rf"\b{_UNIT}( just| keeps| has| had| finally)* (quits?|quitting|stops?|stopped|stopping|died)\b",
        rf"\b(stop|quit) (send|hav)ing( me| us)?( (a|an|that|the|this|same|any|more|your|those|these))* ({_BILLS}|{_WORKER})\b",
        r"\b(stop|quit) (giving|having|telling|making|taking|parking|leaving|pushing|rushing|ignoring|selling)\b",
        r"\b(promo|offer|sale|discount|warranty|plan|membership|coupon|special|deal) (stop|end|ends|stops)\b",
        r"\bsubscription to the (filter|water|salt)\b",
        rf"\bdont( ever)? send( me| us)?( (that|the|this|same|any|more|your|out))* ({_BILLS}|{_WORKER})\b",
        r"(?<!why )\b(wont|doesnt|dont|didnt|cant|never|not|wouldnt|isnt|please dont|couldnt) "
        r"((want|wish|mean|say|saying|said|ask|asking|asked|going|trying|meant|text|texted|type|typed|sent|send|need|have|you|yall|dare|ever|even|him|her|to) )*"
        r"(stop|stopping|quit|quitting|unsubscribe|unsubscribed|optout|cancel|end)\b"
        r"( ((send|text|messag)ing|sending|the|these|my|those|me|your|you|texts?|messages?|reminders?))*",
        r"(?<!do )\bnot (my |the |your )(text|message|reminder|alert)s?\b|\b(stop|quit) worry\w*",
        rf"\b(take|remove|drop|scratch|pull|get|bump)( (me|us|my name|him|her|it))? (off|from|out of)( (the|your|this|next|my|for|on))* (\d+( ?(am|pm))?|{_DAY}s?|week\w*|schedule|calendar"
        r"|slot|route|(\w+ )?(route|slot))\b",
        r"\b(dont|no) need to (stop|cancel|reset|end|quit|remove|call)\b( by)?",
        rf"\bcancel\w*( (my|our|the|your|todays|tomorrows|that|this|for|other|next|all))* {_APPOINTMENT}\b",
        rf"\b(quit|end|stop|pause)( (my|our|the|your))* (membership|plan|contract|warranty|auto ?pay|{_DAY})\b",
        r"\bend of (the|this|that|next|story|an|day|week|month|our|my)\b|\b(week|month|year|days?) ?end\b",
        r"\b(dont|no need to|instead of|rather than|stop|quit) (call|calling|phon\w+|ring\w*)( me| us)?( (just|please"
        r"|only|but|i|would|prefer|rather|you|can))* (text|message|send (me )?a (text|message))\b( (me|us|instead|only))?",
        r"\b(text|message|texting) (me |us )?(instead of|rather than|not|dont) (call\w*|phon\w*)( me| us)?",
        r"\bdont (call|text|message|ring|contact|come|bother)( me| us)?( (early|so|too))* (before|after|early|late|at night"
        rf"|on (sundays?|saturdays?|weekends)|while|until|during|till|when|unless|{_DAY}|so (early|late))\b",
        r"\b(text|contact|call|message|try|email|reach out to|check with|remind) (me|us)( back| again)*( (maybe|sometime|please|in|the))*"
        rf" (next|later|in|after|when|once|around|before|if|{_DAY}|january|february|march|april|may|june|july|august|september|october"
        r"|november|december|spring|summer|fall|winter)\b",
        r"(?<!me )(?<!nos )(?<!que )(?<!if you )\b(keep|sigan|siga|sigue)( (me|us|my number|sending|texting|mandando|mandar\w*|escribi\w*))+( (on|texts|the|list|reminders|coming))*",
        r"\b(put|get|add) (me|us)( down)? (on|in) (the|your|ur) (list|schedule|calendar|books) (for|this|on|next|at)\b",
        r"\b(do|does|did|can|will|could|would) (you|they|he|the \w+|your \w+)( guys)?( also)? (remove|take away|haul|get rid of|take out|drop)\b"
        r"(?! (me|us|my (name|number|phone|info|mom|dad|cell)|this (number|phone)|our (number|name)))",
        r"\b(you|nobody|no one|he|she|they|guys?|tech|technician)( guys| ever| just)* (never|didnt|dont|doesnt|hasnt|havent)( ever)? (text|call|contact"
        r"|message|return|answer|show|repl)\w*( (me|us))?( back| up)?(?! (again|anymore|ever))\b",
        r"\b(ive|i have|have|i|we)( \w+)? (been )?(texting|calling|messaging|emailing|contacting) (you|yall|your|for|all|since)\b",
        r"(?<!why )\bdont (remove|delete|take|drop|unsubscribe|kick|pull) (me|us|my \w+|our \w+)( (off|from|out|of|the|your|this|list|yet))*",
        r"\bdont (call|ring|phone)( me| us)? (im|i|because|cuz|we|cause|my)\b",
        r"\b(im|is|was|hes|shes|are|be) off (this|next|today|on|work|all|until|at|for|tomorrow|mon|tues|wednes|thurs|fri|satur|sun)\w*",
        r"\b(i|we|he|she|they|my \w+) (just )?(removed|deleted|took out|turned off|shut off|took off) (the|my|our|it|that)\b( (old|own))*( \w+)?",
        r"\bdont (lose|forget|worry|bother (with|to|coming|calling back))\b",
        r"\b(remove|delete|take|get|drop)( (the|that|your|old|my|our|this|a|late))* (old|filter|fee|fees|charges?|unit"
        r"|ladder|sign|error|panel|cover|tank|toilet|water heater|furnace|parts?|wall|hands|time|look|care|day)\b"
        r"( off (my|the|our) (account|bill|card|invoice|wall|roof|hands))?",
        r"\btake (your time|care|it easy|a look)\b|\btake off (work|early|on)\b",
        r"\boptout of (the|my|our|this|your)( \w+)? (plan|membership|warranty|insurance|program|policy|contract)\b",
        r"\bunsubscribe( me)?( from)? (my|the|your)? ?e ?mails?\b",
        r"\b(remove|take off)( (my|your|his|the|their))? (shoes?|boots?|hat|mask|old|lid|grate)\b",
        r"\bno more (leaks?|problems?|issues?|noise|excuses|trouble|drips?|water|heat|hot|than|surprises)\b",
        r"\breset(ting)? (the|my|it|a|your)\b",
        r"\b(no|not) (text|texts|message|messages|call|calls?) (from|about|yet|before|when) (him|her|the|your|my|tech"
        r"|technician|anyone|he|she)\b",
        r"\bnever (got|received|had|heard|called|showed|came)\b( (a|any|the|your|back))*( (text|call|message|from"
        r"|you))*",
        r"\b(didnt|havent|dont) (get|got|receive|received|see) (a|any|the|your)( \w+)? (text|texts|message|messages"
        r"|call|email)\b",
        r"\bstop texting my old (number|phone)\b",
        r"\b(i|we) (dont|cant|never|wont|couldnt)( really| usually)?( (want|like|know how|need|care) to)? text\b(?! (from|me))( (much|well|back))?",
        r"\b(im|phone is|currently)? ?not receiving notifications\b",
        # Spanish.
        r"\b(quit|sa[cq]u?|borr)\w* (me |nos )?de la (lista|ruta|agenda) (de|del|para) (el |la )?(manana|hoy|lunes|martes|miercoles|jueves|viernes|sabado|domingo|semana|dia)\b",
        r"\bno (me |nos )?(quiten|quite|borren|saquen|eliminen)( de (la|su) lista)?\b",
        rf"\b(no|ya no|dejen de|deje de|paren de)( (me|nos|le))?( (vuelvan a|sigan))? (mand|envi)\w+( (mas|a|al|el|la|los"
        rf"|las|ese|esa|mismo|esos|sus|otra vez))* {_WHO}\b",
        r"\b(dej\w+|par\w+) de (cobrar\w*|cancelar\w*|venir|funcionar|trabajar|gotear|cambiar|mentir\w*|salir|prender"
        r"|calentar|enfriar|servir|hacer)\b",
        r"\bno (me )?(dejen|deje|paren|dejan) de \w+( \w+)?",
        r"\bno (me |nos )?(llame|llamen|marquen|toquen|escriban|texteen)( (antes|despues|tan|en la (noche|manana)|los"
        r"|el|cuando|hasta|mientras|temprano|a las))+\b",
        r"\bno (me |nos )?(llamen|llame|marquen|marque) ?(\w+ )?(mejor|solo|mand\w+me|escrib\w+me|text\w+me|por (texto|mensaje))"
        r"( \w+)? ?(textos?|mensajes?|escriba\w*|textee\w*)?",
        r"\bcancel(ar|e|en|ame|o)?( (la|mi|el|su|una|esta|nuestra|cuando))* (cita|visita|membresia|plan|pedido|orden"
        r"|contrato|servicio|presupuesto|reservacion|garantia)\b",
        r"\bno (vengan|venga|manden? a|manden? al)\b",
        r"\b(alto|baja|bajo|para) (el|la|lo|los|las) \w+",
        r"\b(no|nunca|no he|no me ha|no nos ha) (he )?(recib|visto|vi|lleg|llego|leido|lei)\w*( (el|un|su|ningun|ninguna|la|sus|mi|algun))* (mensajes?|correos?|textos?|llamadas?|texts?)\b",
        r"\bno se( como)? (textear|escribir|mandar|usar|leer)\w*",
        r"\b(ya )?no (quiero|queremos|necesito|necesitamos)( (mas|otra|otro|la|el|un|una|tantas))* (sorpresas?|problemas?|visitas?|gastos?|citas?|servicio|revision|limpieza|plan"
        r"|membresia|estimado|equipo|calentador|aire|boiler|tecnico|nada por ahora|fugas?)\b",
        r"\bde baja (presion|temperatura|calidad|velocidad)\b",
    )
)

_CEASE = (
    r"(stop|quit|cease|refrain from|discontinue|halt|end|done with|enough (with|of)?|tired of|sick of|turn(ing)? off"
    r"|shut off|disable|deactivate|cancel|knock off|cut out|chill (with|w|on)|ease up on|no more|no mo|kill|lay off)"
)
_DOING = (
    r"(text\w*|messag\w*|contact\w*|bother\w*|harass\w*|spam\w*|bugg?\w*|pester\w*|annoy\w*|solicit\w*|disturb\w*"
    r"|remind(ing)?|hitting|blowing up|blowin up|hit up|flooding|wasting|calling|emailing|pinging|reaching out|hounding|stalking"
    r"|writing|advertising|marketing|mailing)"
)
_THINGS = (
    r"(texts?|messages?|notifications?|alerts?|promotions?|offers?|reminders?|follow ?ups?|communications?|updates?"
    r"|marketing|advertis\w*|solicit\w*|spam|stuff|crap|junk|bs|shit|nonsense|subscription|contact|texting"
    r"|blasts?|campaigns?|newsletters?|texts or calls|calls or texts|calls and texts|sales)"
)
_OURS = r"(the|these|those|this|your|all|all the|any|any of|my|such|further|more|future|auto|automatic|automated|with|sending|receiving|getting|so many|of|damn|effing|stupid|annoying|to|me|us)"
_ME = r"(me|us|my (phone|number|cell|line|inbox|mom|mother|dad|wife|husband|son|daughter|grandma|parents)|this (number|phone|line|cell)|here|him|her|our (number|phone|house)|them|people)"
_NOT = r"(dont|never|not|no longer|please no|rather not|prefer not|didnt|wont)"
_LISTS = r"(list|lists|database|data base|system|records?|files?|contacts?|thing|texts?|messages?|group|campaign|mailing|roster|marketing|blast|everything|crm|books|rotation)"
_AGAIN = r"(again|anymore|ever|please|no more|thanks|now|back|$)"

_RULES: tuple[tuple[str, str], ...] = (
    ("cease", rf"\b{_CEASE}( {_OURS})* ({_DOING}|{_THINGS})\b"),
    ("cease", r"\b(stop|quit|cease|end|enough) (with )?(these|this|it|that already|all this|all of this|sending)( |$)"
              r"(?!(week|month|year|morning|afternoon|appointment|call|job|leak|noise|the|a|someone|techs?)\b)"),
    ("cease", rf"\b(stop|quit) (sending|send)( {_ME})?( {_OURS})*( {_THINGS}| stuff| anything| to {_ME}|$)"),
    ("cease", rf"\b{_NOT}( (even|ever|to|you|try|please|dare|you dare|going to|be))* (text|message|contact|bother|spam"
              rf"|solicit|write|txt|msg|reach out|send)( (to|out to|back))?( {_ME})?"
              rf"( {_AGAIN}| {_ME}| {_THINGS}| any\b| more\b| nothing|$)"),
    ("cease", rf"\b{_NOT}( (even|ever))* (text|contact|message|bother|email|call or text|text or call|call and text) ({_ME}|it|anyone here)\b"),
    ("cease", rf"\bno( more)?( {_OURS})* {_THINGS}( (please|from|to|anymore|thanks|on|here|ok|or)\b|$)"),
    ("cease", r"\bno (texting|messaging|contacting|soliciting|solicitation|solicitors)\b"),
    ("cease", r"\bno need (to|for)( (you|ever|even|to|any|more|further))* (text|texts|message|messages|contact|texting"
              r"|follow up|send)( (me|us|again|anymore|these|any|more))*\b"),
    ("cease", r"\b(texts?|messages?|notifications?|alerts?) off\b"),
    ("cease", r"^(please )?(can|could) (we|you) (please )?not( (do|text|send|message|have|with|get))+( (the|these|me|us|so|any|texts?|messages?|anymore))*$"),
    ("cease", r"\b(dont|never)( (you|yall))? (dare|ever|please)( to)? (send|text|message|contact|write)\b|\bdont( you)?( dare)?( please)? send( me| us)? (another( one| text| message)?|others|any ?more|any other|one more)( (please|ever|again|now))*$"),
    ("costs", r"\b(next|another|each|every|one more|any further) (text|message|contact)( \w+){0,4} (costs?|lawsuit|lawyer|court|attorney|fcc|\d{3,})\b"),
    ("said so", r"\b(ive|i have|i) (already )?sent (it|stop|that|this|optout) (thrice|twice|already|before|again|\d+|three|four|five|many)\b"),
    ("leave", r"^(shoo|scram|begone|vamoose|shove off|bug off|beat it|skedaddle)\b"),
    ("unwanted", r"\b(no longer|dont|not|never|rather not)( \w+){0,4} hear(ing)? from (you|your)\b"),
    ("remove", r"\b(take|get|remove|pull) (my|his|her|our|the)( \w+){0,2} (number|name|phone)( \w+)? (off|out|down)\b"),
    ("cease", rf"\b(dont|never|not)( (ever|you|please))* call( {_ME})? (again|anymore|ever)\b"),
    ("cease", r"^(why|when|how come)( \w+)? (you|u|yall)( (not|ever|guys|still))* (stop|quit)( (texting|messaging|bothering|contacting|this|it|these)"
              r"( \w+){0,3})?$"),
    ("cease", rf"\b(you can|yall can|could you|can you|can we|can i) (please )?(stop|quit|end) {_OURS}( |$)"
              r"(?!(leak|noise|water|alarm|beeping)\b)"),
    ("unwanted", rf"\b{_NOT}( (want|wanted|wish|need|care|like|appreciate|consent|agree|agreed|sign|signed|up|ask|asked|opt"
                 rf"|in|subscribe|subscribed|to|for|get|getting|receive|receiving|be|have|sent|interested|authorize|permission"
                 rf"|any|more|anymore|further|these|those|your|such|all|of|the|this|getting|wanting))+ ({_THINGS}|texted"
                 r"|contacted|messaged|bothered|solicited)\b"),
    ("unwanted", rf"\b{_NOT} ((really|wish|want|care|like|appreciate|need|getting|get|to|have|receive|wanna) ?)+"
                 r"(these|this stuff|hear(ing)? from you|anything from you|you (to )?(text|contact|message|call)\w*)\b"),
    ("unwanted", r"\b(didnt|never|dont) (ask|asked|sign|signed|agree|agreed|subscribe|consent|want)( up)? (for|to) (this|these|any of)\b"
                 r".*\b(stop|remove|off|out|texts?|messages?)\b"),
    ("unwanted", r"\b(dont|never|not|no longer) (want|wish|care|need|like)( to)?( (get|receive|receiving|getting|have))+( (any|of|more))* (this|these|it|anything|those)$"),
    ("unwanted", r"\b(no|any|the) right to (text|contact|message)\b|\bpermission to (text|contact|message)\b"),
    ("channel", r"\b(e ?mails?|mail|correo|letters?) only\b|\bonly (by |use |send |want )?(e ?mails?|mail)\b|\b(e ?mail|mail)( \w+)? not (by )?text"
                r"|^(just |please )?e ?mail (me )?instead\b|\bsolo (por )?(correo|e ?mail)\b|\bby (e ?mail|mail|post) only\b"),
    ("unwanted", rf"\b(my|our) ({_ME} )?(wife|husband|mom|mother|dad|father|son|daughter|landlord)? ?doesnt (want|need|like)( (to|get"
                 rf"|receive|any|more|these|your|be))* ({_THINGS}|these|texted|contacted)\b"),
    ("unwanted", r"\b(she|he|they) (doesnt|dont) (want|need|like)( (to|get|receive|any|more|these|your))* "
                 r"(texts?|messages?|these|texted|contacted)\b"),
    ("remove", rf"\b(remove|take|delete|get|scratch|drop|pull|cross|strike|erase|wipe|scrub|keep|kick)( \w+){{1,4}} (off|from|out)"
               rf"( (of|your|ur|the|this|that|all|any|text|texting|mailing|call|contact|marketing|sms|damn|effing|customer"
               rf"|calling))* {_LISTS}\b"),
    ("remove", r"\b(take|get|keep) (me|us|my (name|number|phone|info)|this (number|phone)|our (name|number)|him|her|them) (off|out)"
               r"( of (this|it|here|there))?\b(?! (the|my|your|our|work|early) (schedule|calendar|job|account|bill|books for))"),
    ("remove", r"\b(remove|delete|erase|scrub|drop|lose|forget|unsubscribe|block|trash|burn|ditch|wipe|take off|take out)( (all|of|please|ur))*"
               r" (me|us|myself|my|this|our|his|her|the|that|him|them)\b(?= ?((wifes|husbands|moms|dads|home|work|whole)? ?(number|phone|name|info"
               r"|information|details|contact|line|data|profile|please|now|from|thanks|immediately|already|number from)\b|$))"),
    ("remove", r"\b(removed|deleted|taken off|unsubscribed)( (me|from|off|of|please|asap|now))?( (the|your|this|all))?"
               rf" ({_LISTS}|number)\b|\b(want|like|need|asked?|asking|demand\w*)( (you|yall|three|twice|times|\d+|many))* to be (removed|deleted|taken off|left alone|off)\b"),
    ("remove", r"^(please )?(remove|removed?|delete|erase)( (me|us|this|now|please|immediately|thanks))*$"),
    ("remove", r"\b(number|phone|name|i|we) (should|must|needs? to|has to|have to|want to|asked to|told you to|need to) be (removed|deleted|taken off|off)\b"),
    ("remove", r"\b(number|name|phone) (removed|deleted|off (your|this|the))\b"),
    ("remove", r"\bget off (of )?(this|your|the) (list|text|thing|mailing)|\b(want|need) (off|out)( of)?( (this|your|the) \w+)?$"),
    ("leave", r"\b(knock it off|cut it out|give it a rest|enough is enough|enough already|thats enough|get me off)\b|^enough$"),
    ("leave", r"\b(dont|never) (hit|hmu|buzz|ping|blow)( (me|us|my phone))?( up)?\b"),
    ("leave", r"\b(done with|sick of|tired of|fed up with|over) (all )?(these|this)( from you| now)?$"),
    ("leave", r"\b(you|ya|people) (need|have|got|better|gotta|must|should|can)( to)? (stop|quit)( (it|now|this|please))*$"),
    ("leave", r"\b(i|ive) (already )?(optedout|unsubscribed|cancelled|canceled) (from |to )?(these|this|your texts?|the texts?)\b"),
    ("leave", r"\b(leave|keep) (me|us) out( of (this|these|it))?\b"),
    ("es", r"\b(salgo|salir|salirme|salirnos|saqu\w+|sac\w+) de (esto|esta|aqui|la lista|su lista|lista)\b|^para ya\b"),
    ("leave", r"\b(unsubscrib\w*|unenroll\w*|unregister\w*|deregister\w*|optout|optedout)\b"),
    ("leave", r"\b(leave|let)( \w+)? (me|us|my \w+|her|him) (the \w+ )?(alone|be)\b|\bleave (me|us)$"),
    ("leave", r"\b(lose|forget|delete|burn|erase) (my|this|the|our|that) (number|phone|contact)\b"),
    ("leave", r"\b(go away|go to hell|get lost|buzz off|eff (off|you)|piss off|screw off|get out of my (phone|inbox)|shut up)\b"),
    ("leave", r"\b(do not|dont|no|not) ?(call|text|contact|disturb|solicit) (list|registry|register)\b|\bdnc\b"),
    ("leave", r"\b(revok\w*|withdraw\w*|rescind\w*|pull|take back|remove) (my |our |all |any )?(consent|permission|authorization)\b"),
    ("leave", r"\b(no|without|dont have( my)?|not have( my)?|never gave( you)?) (consent|permission) to (text|message|contact|call)\b"),
    ("leave", r"\b(report|reported|reporting)( (you|this|it|as|for|number|your|to|the|u|these|if|texts?|messages?|gets?))* (spam|fcc|ftc|junk"
              r"|carrier|texting|text|again|unwanted)\b"),
    ("leave", r"\b(ill|will|going to|about to|im|am|be|gets?|getting|have) (be )?(block|blocked|blocking)"
              r"( (you|this|it|your|the|u|number|now|texts?))*( (if|spam|next)\b|$)"),
    ("leave", r"\b(text|message|contact)( me| us)? (again|one more time) (and|or|ill|i)\b|^(blocked?|reported|blocking|reporting)\b.*"),
    ("said so", r"\b(said|told|asked|replied|texted|typed|sent|wrote|say|saying|part of|begged|responded|requested)"
                r"( (you|u|yall|guys|people|them|already|nicely|twice|with|the|word|to|\d+|times|many|a|three|two|please|before|weeks?"
                r"|ago|last|i|ive|have|you guys|literally))* (stop|unsubscribe|optout|quit|cancel texts)\b"),
    ("said so", r"\b(how|what|where)( \w+){1,4} (stop|end|get rid of|block|turn off|get off|cancel|opt)( of)? (these|this|it|them)( (list|texts?|messages?|now|please|crap|already|thing))?$"),
    ("said so", r"\b(make (it|this|them|these) stop|to (stop|end|get rid of|turn off|block|cancel) (these|this|it|them"
                r"|(the |your )?(texts?|messages?|alerts?|notifications?|promotions?|reminders?|getting|receiving|sms)))\b"),
    ("es", r"\b(no|ya no|nunca|dejen|paren|tampoco|ni)( (me|nos|le|les|se|lo))*( (vuelv\w+ a|sigan|siga|anden|esten|ande|quiero que"
           r"|me|nos|le|q|que))* (mand|envi|escrib|text(ee|ie|ea)|llam|molest|contact|busqu|jod|chingu|frieg|freg|fastid"
           r"|insist|moleste)\w*\b(?! (antes|despues|hasta|cuando))"),
    ("es", r"\b(dej\w*|par(e|en|a)|cese\w*|basta) (de|con|ya de|ya con)( (estar|tanto\w*|los|sus|me|nos|las|estar me))*"
           r" (mand|envi|escrib|text|molest|llam|contact|ching|freg|jod|mensaj|spam|sms|anunci|promo|insist|acos|notif|aviso)\w*"),
    ("es", r"\b(ya )?no (quiero|queremos|deseo|deseamos|necesito|autorizo|autorice|acepto|consiento|pedi|me interesan?|di permiso|doy permiso|quiere|quisiera|me gusta)"
           r"( \w+){0,6} (mensajes?|textos?|llamadas?|publicidad|promociones|promotions|texts|ofertas|informacion|notificaciones|avisos|correos"
           r"|anuncios|nada de (ustedes|esto|uds)|saber (de|nada)|recibir|mand\w+|escrib\w+|llam\w+|molest\w+|contact\w+)\b"),
    ("es", r"\b(no mas|ningun|cero|ni un|sin|no)( (de|sus|estos|mas))* (mensajes?|textos?|texts|publicidad|promociones|notificaciones)\b"),
    ("es", r"\bya no mas\b|^no mas\b(?! que)( por favor| gracias| ya)?$|^ya no$"),
    ("es", r"\b(quit|borr|elimin|elemin|sa[cq]u?|remuev|remov|retir|desuscrib|describ|olvid|bloque)(a|e|en|an|ar|o|u[ae]n?)?(me|nos|nme|lo)\b"
           r"(?! (la|el|un|una|los) (fuga|tubo|calentador|boiler|bano|cita|multa|cargo))"),
    ("es", r"\b(quit|borr|elimin|sa[cq]u?|remuev|remov|retir|pierd|olvid)\w*( (de|ya|por favor|a))*"
           r" (mi|este|el|su|mis|ese)( \w+)? ?(numero|telefono|nombre|datos|contacto|registro|informacion|esposo|mama|papa)\b"),
    ("es", r"\b(quit|borr|elimin|sa[cq]u?|sal|remov)\w*( \w+){0,4} (de|en) (la|su|esta|sus|tu|el) (lista|sistema|base|contactos|registro)\b"),
    ("es", r"\b(de|la) baja\b|\bdesuscri\w+|\bbasta\b|\bparen(le)?( ya)?$|^ya (paren|pare|parenle)\b|\bque paren\b|\bya stop\b|\bstop ya\b"),
    ("es", r"\b(dej\w*) (me |nos )?(en paz|tranquil\w+)\b|\ben paz\b$"),
    ("es", r"\b(cancel|termin|suspend|desactiv|deteng|par)\w* (la |mi |los |sus |estos |las |esta |de )*(suscripcion|mensajes?|textos?|texts"
           r"|notificaciones|promociones|alertas)\b"),
    ("es", r"\b(los|las|les) (voy|vamos) a (reportar|bloquear|demandar|denunciar)( (si|por|como)\b|$)"),
    ("es", r"\b(har[t]+[ao]s?|cansad[ao]s?|aburrid[ao]|molest\w+) (de|con)? ?(\w+ ){0,2}(mensajes?|textos?|texts|promociones|promotions|avisos|ofertas)\b"),
    ("es", r"\b(alto|pare|paren|stop)( ya| por favor| a los| con los| los)( mensajes| textos)?$"),
)  # fmt: skip
_COMPILED = tuple((rule, re.compile(pattern)) for rule, pattern in _RULES)

# One of these alone between two full stops, with courtesies: "My furnace is fine. Please stop"
_CLAUSE = re.compile(
    r"^((ok|please|pls|just|so|and|but|now|ugh|actually|bro|bruh|dude|hey|sir|maam|thanks|no|yes|guys|for real|seriously"
    r"|shut|up|i (said|mean it)|lol|thank you|eff|effing|until then|then|again|already|por favor|ya) )*"
    r"(stop|unsubscribe|optout|stopall|stop all|discontinue|desist|cease|cease and desist|quit it|stop it|remove|remove me|delete me|take me off|enough|no more|alto"
    r"|paren|basta|quit|quit it)"
    r"( (please|now|already|thanks|thank you|ok|it|this|immediately|ya|por favor|is enough|asap|today|sir|maam|damn it))*$"
)
_LAST = re.compile(
    r"(?<!to)(?<!the)(?<!bus)(?<!a)(?<!next)(?<!full)(?<!truck)(?<!non)(?<!pit) stop( (please|thanks|now|already|ok))*$"
)
_ASKS = re.compile(r"^(when|why|how|does|will|did|do|what time|is|are)\b")
_FIRST = re.compile(
    r"^(please |ok |just )*(stop|unsubscribe|stopall)\b(?! (light|sign|the|a|at|by|in|over|valve|button|cock|watch|table|gap|loss|lights|signs|bath)\b)"
)
_WANTS_THEM = re.compile(
    r"\b(still want|but i( still| do)? (want|like|love|need)|(?<!you )(?<!i )(?<!they )(?<!yall )(?<!guys )(?<!people )keep (sending|texting|them|the texts|the reminders|me on)|i (do )?(like|want|need) (them|the texts|the messages"
    r"|the reminders|these|your texts)|(?<!dont )(?<!never )(?<!not )(leave|keep) me on( it| the list)?\b(?! (read|hold|seen))|no objections? to|consent stands|(si|ya si) quiero (los|sus|recibir)|me sirven (los|sus)|text away|didnt mean|by (mistake|accident)|ignore that|texts? (are|is) (ok|fine|good|welcome)|autocorrect|not mean to)\b"
)


# What every wish to be left alone has one of: a word of ceasing, refusing or taking away.
_MENTIONS = re.compile(
    r"\b(sto\w?p\w*|stp|quit\w*|end|ends|cancel\w*|cease\w*|remov\w*|delet\w*|eras\w*|unsub\w*|opt\w*|no|not|dont|never|nah|nope|without"
    r"|bother\w*|spam\w*|alone|lose|off|out|blocking|report\w*|revok\w*|withdraw\w*|consent|permission|enough|away|anymore|subscri\w*"
    r"|suscri\w*|solicit\w*|turn|disable|tired|sick|shut|annoy\w*|harass\w*|privacy|eff|piss|screw|fed|done|terminat\w*|discontinu\w*|wont"
    r"|doesnt|didnt|basta|alto|baja|paren?|parar|pare|dej\w+|quit\w+|borr\w+|elimin\w+|sa[cq]u?\w+|molest\w+|paz|ya|nunca|hart\w+|cansad\w+"
    r"|olvid\w+|remuev\w+|retir\w+|salir|deten\w+|termin\w+|desuscri\w+|ni|sin|unwanted|unwelcome|exclude|last|illegal|forget|scratch|trash"
    r"|drop|pull|detach)\b"
)


def mentions(text: str) -> bool:
    """Whether a canonical text has any word that a wish to be left alone is made of."""
    return bool(_MENTIONS.search(text))


@lru_cache(maxsize=512)
def without_traps(text: str) -> str:
    """A canonical text with the phrases that only look like a wish replaced by a stroke."""
    for pattern in TRAPS:
        text = pattern.sub(" / ", text)
    return text


@lru_cache(maxsize=512)
def opt_out_rule(text: str, parts: tuple[str, ...]) -> str:
    """The rule by which a canonical text asks to be left alone, or nothing. `parts` are its clauses."""
    parts = tuple(part.replace("?", "").strip() for part in parts)
    if _WANTS_THEM.search(text):
        return ""
    bare = re.sub(r"\s+", " ", without_traps(text.replace("?", " "))).strip()
    for rule, pattern in _COMPILED:
        if pattern.search(bare):
            return f"phrase:{rule}"
    for part in parts if len(parts) > 1 else ():
        if not mentions(part):
            continue
        alone = without_traps(part)
        for rule, pattern in _COMPILED:
            if pattern.search(alone):
                return f"phrase:{rule}"
    for part in parts:
        if _CLAUSE.match(part) and "/" not in without_traps(part):
            return "sentence"
    if _LAST.search(f" {bare}") and not _ASKS.match(bare):
        return "last word"
    if _FIRST.match(bare):
        return "first word"
    return ""


_HINTS = re.compile(
    r"^((i )?dont want|could you (please )?not|please (dont|no)|can you not|just dont|dont|please no more|ya estuvo|no quiero nada|spam( \w+)?|spammers?"
    r"|die spammer|really|leave|off|out|get out|no mas que)$|\bwant(s|ed)? your (promotions|texts?|messages?|spam)\b|^(i )?said no( \w+)?$"
    r"|\btexting is not ok\b|\bno means no\b|\bwhat part of no\b"
)


def hints(text: str) -> bool:
    """Whether a canonical text may well be a wish to be left alone that is too short to be sure of."""
    return bool(_HINTS.search(text))


def wants_them(text: str) -> bool:
    """Whether a canonical text says that messages are welcome, or that an earlier stop was a slip."""
    return bool(_WANTS_THEM.search(text))
