"""What a call node says to a real contact: all that they would hear, or what an agent reads to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from accounts.models import Account
from audiences import consent_records, merge_fields
from audiences.models import Contact
from campaigns.nodes.call import CallSettings
from conversations import call_routing, call_words, own_calls, rendering
from conversations.call_scripts import Plan
from integrations.models import SendingNumber
from integrations.twilio.twiml import Said

SPOKEN_A_SECOND = 14
"""Characters: how fast the provider's voices speak, about."""
_SOUND = "(Your sound file is played.)"


class Heard(NamedTuple):
    """A sentence, and whether it is one of the product's, which every such call has."""

    words: str
    language: str
    fixed: bool


@dataclass(frozen=True)
class CallSample:
    """A call as one contact would have it; `missing` says why they would not be called."""

    contact: str
    contact_id: int
    by_person: bool
    agent_hears: str = ""
    script: tuple[Heard, ...] = ()
    voicemail: tuple[Heard, ...] = ()
    unwilling: bool = False  # has not agreed to recorded voice: a person calls, and reads the words
    missing: str = ""

    @property
    def language(self) -> str:
        """Of the words."""
        own = [heard.language for heard in self.script if not heard.fixed]
        return own[0] if own else "en"

    @property
    def seconds(self) -> int:
        """How long the script speaks, about."""
        return max(1, round(sum(len(heard.words) for heard in self.script) / SPOKEN_A_SECOND))


def sample(account: Account, settings: Mapping[str, Any], contact: Contact, *, now: datetime) -> CallSample:
    """The call of settings that hold no mistake, with what is known of the contact now. A few queries."""
    plan = CallSettings.model_validate(dict(settings)).plan
    spoken = [plan.words, *([plan.voicemail] if plan.voicemail else [])]
    fields = {name for one in spoken for words in (one.en, one.es) for name in rendering.fields(words)}
    known = merge_fields.known([contact.pk], fields, now=now)[contact.pk]
    who: dict[str, Any] = {"contact": contact.name, "contact_id": contact.pk}
    phone = own_calls.callable_phone(contact)
    if phone is None:
        return CallSample(
            **who, by_person=plan.mode == "person", missing="They have no phone that may be called"
        )
    unwilling = plan.mode == "script" and phone.pk not in consent_records.may_be_played([phone.pk])
    if plan.mode == "person" or unwilling:
        read = call_words.read_aloud(plan, known, contact.language)
        return CallSample(
            **who, by_person=True, unwilling=unwilling, agent_hears=call_words.key_for_agent(contact),
            script=(Heard(read.words, read.language, False),),
        )  # fmt: skip
    if lacks := call_words.lacking(plan, known, contact.language):
        return CallSample(**who, by_person=False, missing=lacks)
    speaks = contact.language
    return CallSample(
        **who, by_person=False, script=_script(account, plan, known, speaks),
        voicemail=_voicemail(account, plan, known, speaks),
    )  # fmt: skip


def _script(account: Account, plan: Plan, known: Mapping[str, Any], speaks: str) -> tuple[Heard, ...]:
    own = call_words.fill(plan.words, known, speaks)
    speaks = own.language
    choices = call_words.choices(plan, speaks, transfers=call_routing.may_transfer(account.pk))
    return (
        *_fixed(call_words.opening(speaks, company=account.name)),
        Heard(_SOUND if plan.plays else own.words, speaks, False),
        *_fixed(choices),
    )


def _voicemail(account: Account, plan: Plan, known: Mapping[str, Any], speaks: str) -> tuple[Heard, ...]:
    if plan.voicemail is None:
        return ()
    own = call_words.fill(plan.voicemail, known, speaks)
    number = SendingNumber.objects.filter(account=account, active=True).order_by("pk").first()
    told = call_words.voicemail(own, company=account.name, phone=number.e164 if number else "")
    return tuple(Heard(one.words, one.language, one is not own) for one in told)


def _fixed(said: list[Said]) -> list[Heard]:
    return [Heard(one.words, one.language, True) for one in said]
