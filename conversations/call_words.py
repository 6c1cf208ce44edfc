"""What a call says to one person: its plan's words in their language, with merge fields filled, and what
every call of a machine has to say besides."""

from collections.abc import Mapping
from typing import Any

from audiences import merge_fields
from common.spoken import ENGLISH
from conversations import call_scripts, rendering
from conversations.call_scripts import Plan, Spoken
from conversations.models import PlannedCall
from conversations.variants import SPANISH
from integrations.twilio.twiml import Said

_LINES: dict[str, dict[str, str]] = {
    ENGLISH: {
        "identity": "Hello, this is {company}.",
        "stop": "To stop calls and texts from us, press 9 at any time.",
        "talk": "To talk to us now, press 1.",
        "call_back": "To have us call you back, press 2.",
        "stop_again": "To stop our calls and texts, press 9.",
        "goodbye": "Thank you. Goodbye.",
        "connecting": "One moment, please. We are connecting you.",
        "called_back": "Thank you. Somebody from {company} will call you back. Goodbye.",
        "stopped": "You will get no more calls or texts from {company} at this number. Goodbye.",
        "not_understood": "Sorry, that is none of the choices.",
        "nobody": "We are sorry, nobody could take your call just now.",
        "voicemail_call": "To reach us, call {phone}.",
        "voicemail_stop": "Calling that number, you can also stop our calls and texts.",
        "inbound": "Thank you for calling {company}. To stop our calls and texts, press 9. "
        "Else, stay on the line.",
        "message_kept": "Thank you. We have your message. Goodbye.",
        "sorry": "We are sorry, something went wrong on our side. Please call us at {phone}. Goodbye.",
        "again": "Sorry, that did not work. Please press the key once more.",
    },
    SPANISH: {
        "identity": "Hola, le llama {company}.",
        "stop": "Para no recibir más llamadas ni textos nuestros, oprima 9 en cualquier momento.",
        "talk": "Para hablar con nosotros ahora, oprima 1.",
        "call_back": "Para que le devolvamos la llamada, oprima 2.",
        "stop_again": "Para no recibir más llamadas ni textos, oprima 9.",
        "goodbye": "Gracias. Adiós.",
        "connecting": "Un momento, por favor. Le estamos comunicando.",
        "called_back": "Gracias. Alguien de {company} le devolverá la llamada. Adiós.",
        "stopped": "No recibirá más llamadas ni textos de {company} en este número. Adiós.",
        "not_understood": "Disculpe, esa no es ninguna de las opciones.",
        "nobody": "Lo sentimos, nadie pudo atenderle en este momento.",
        "voicemail_call": "Para comunicarse con nosotros, llame al {phone}.",
        "voicemail_stop": "En ese número también puede detener nuestras llamadas y textos.",
        "inbound": "Gracias por llamar a {company}. Para no recibir más llamadas ni textos, oprima 9. "
        "Si no, permanezca en la línea.",
        "message_kept": "Gracias. Tenemos su mensaje. Adiós.",
        "sorry": "Lo sentimos, algo falló de nuestra parte. Por favor llámenos al {phone}. Adiós.",
        "again": "Disculpe, no funcionó. Por favor oprima la tecla una vez más.",
    },
}  # fmt: skip


def line(name: str, language: str, **values: str) -> Said:
    """One of the sentences that are the product's, in this language or else in English."""
    spoken = language if language in _LINES else ENGLISH
    return Said(_LINES[spoken][name].format(**values), spoken)


def opening(language: str, *, company: str) -> list[Said]:
    """What a script's call begins with: who calls, then at once how to stop it (47 CFR
    64.1200(b)(1) and (3))."""
    return [line("identity", language, company=company), line("stop", language)]


def choices(plan: Plan, language: str, *, transfers: bool) -> list[Said]:
    """What may be pressed after the words; `transfers`: somebody could be rung for a 1."""
    offered = [line("talk", language)] if plan.talk and transfers else []
    offered += [line("call_back", language)] if plan.call_back else []
    return [*offered, line("stop_again", language)]


def voicemail(said: Said, *, company: str, phone: str) -> list[Said]:
    """What a machine hears: who calls, the words, how to reach us and how to stop it. `phone` is E.164."""
    speaks = said.language
    return [
        line("identity", speaks, company=company), said,
        line("voicemail_call", speaks, phone=digits(phone)), line("voicemail_stop", speaks),
    ]  # fmt: skip


def key_for_agent(contact: object) -> str:
    """What an agent hears who has pressed Call, before the customer is rung."""
    return f"Press 1 to call {contact}."


def fill(spoken: Spoken, variables: Mapping[str, Any] | None, language: str) -> Said:
    """Words for one person: in their language where the plan has it, else in English. Raises
    rendering.MergeFieldMissing where a field without a fallback is not known."""
    chosen = SPANISH if language == SPANISH and spoken.es.strip() else ENGLISH
    words = spoken.es if chosen == SPANISH else spoken.en
    return Said(" ".join(rendering.render(words, variables or {}, chosen).split()), chosen)


def lacking(plan: Plan, variables: Mapping[str, Any] | None, language: str) -> str:
    """Why this person cannot be called by this script, in words; empty where everything it says is known."""
    said = [plan.words] if not plan.plays else []
    said += [plan.voicemail] if plan.voicemail else []
    try:
        for spoken in said:
            fill(spoken, variables, language)
    except rendering.MergeFieldMissing as missing:
        return str(missing)
    return ""


def for_agent(planned: PlannedCall) -> Said | None:
    """What somebody reads to this customer, line breaks kept; what is not known stands there as its field's
    name. None where nothing was written for it."""
    if planned.script is None:
        return None
    return read_aloud(plan_of(planned), dict(planned.variables or {}), planned.contact.language)


def read_aloud(plan: Plan, variables: Mapping[str, Any], language: str) -> Said:
    """As `for_agent`, of a plan and what is known of a customer."""
    chosen = SPANISH if language == SPANISH and plan.words.es.strip() else ENGLISH
    words = plan.words.es if chosen == SPANISH else plan.words.en
    try:
        return Said(rendering.render(words, variables, chosen), chosen)
    except rendering.MergeFieldMissing:
        absent = {
            name: f"[{merge_fields.in_words(name)}]"
            for name in rendering.fields(words)
            if name not in variables
        }
        return Said(rendering.render(words, {**variables, **absent}, chosen), chosen)


def plan_of(planned: PlannedCall) -> Plan:
    """What was asked for when this call was planned; of one that nobody wrote words for, the usual terms."""
    if planned.script is None:
        return _USUAL
    return call_scripts.read(planned.script)


_USUAL = Plan(mode="person", words=Spoken(en="-"))


def digits(phone: str) -> str:
    """A number as it is said, digit by digit, in the groups that people know: “3 1 2, 5 5 5, 0 1 0 0”."""
    bare = phone.removeprefix("+1") if phone.startswith("+1") and len(phone) == 12 else phone.lstrip("+")
    groups = [bare[:3], bare[3:6], bare[6:]] if len(bare) == 10 else [bare]
    return ", ".join(" ".join(group) for group in groups)
