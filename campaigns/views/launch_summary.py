"""What stands beside the stages of a launch: what was chosen so far and what it comes to."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from accounts.models import Account
from audiences import counting, segments
from audiences.models import Audience, DoNotCallList
from audiences.views import rule_effects
from campaigns import canary, drafts, graph, samples, starts, terms, words
from campaigns.models import Node, WorkflowVersion
from conversations import safety, unit_pausing
from integrations import registration

STALE = timedelta(hours=1)  # between what a review said of the first text and what is so now
COUNTED = ("audience", "sender", "time", drafts.REVIEW)  # stages whose summary evaluates the audience
_LONG_DAY = 10 * 60 * 60  # seconds that texts may be sent in a day, unless set


def summary(
    plan: drafts.Plan,
    stage: str,
    preview: samples.Preview | None = None,
    *,
    seconds: float,
    asked_by: str = "",
) -> dict[str, Any]:
    """The context of `launch_summary.html`; the audience is evaluated where a stage has to do with it, within
    so many seconds, at 0 not at all. Raises Superseded where `asked_by` asks again meanwhile."""
    late = ""
    if preview is None and stage in COUNTED and seconds:
        preview, late = _evaluated(plan, seconds, asked_by)
    version: WorkflowVersion | None = plan.chosen("workflow")
    account = plan.draft.account
    return {
        "plan": plan,
        "late": late,
        "again": uuid4().hex,  # what is to be asked for again stands under another id each time
        **rule_effects.WAITS,
        "chosen": {name: plan.chosen(name) for name in ("name", "workflow", "playbook", "audience", "start")},
        "numbers": plan.numbers,
        "goes_first": _goes_first(plan, preview),
        "filters": segments.describe(account, plan.rules) if plan.rules else [],
        "audience_words": _words_of(plan) if stage == drafts.REVIEW else [],
        "starts_at": plan.at,
        "start_known": plan.done("time"),
        "terms": _terms(plan, stage),
        "steps": outline(version) if version and stage == "workflow" else [],
        "first_text": samples.first_text(version) if version and stage == "workflow" else "",
        **counted(preview),
    }


def _evaluated(plan: drafts.Plan, seconds: float, asked_by: str) -> tuple[samples.Preview | None, str]:
    """The preview, or that it takes longer: than a page that opens waits, than the next try, the last."""
    try:
        with counting.within(seconds, asked_by=asked_by):
            return plan.preview(), ""
    except counting.TakesLonger:
        if seconds >= counting.AT_LENGTH:
            return None, "too long"
        return None, "first" if seconds < counting.AT_ONCE else "long"


def _words_of(plan: drafts.Plan) -> list[str]:
    """The rules of the audience itself."""
    audience: Audience | None = plan.chosen("audience")
    return segments.describe(plan.draft.account, audience.rules) if audience else []


def _terms(plan: drafts.Plan, stage: str) -> list[tuple[str, str]]:
    """All terms at the review; beside the stage that asks for them, those that are not the usual ones."""
    account = plan.draft.account
    usual = [] if stage == drafts.REVIEW else terms.in_words(terms.Terms(), account)
    if stage not in ("time", drafts.REVIEW):
        return []
    said = starts.in_words(plan.schedule, account) + terms.in_words(plan.terms, account)
    return [row for row in said if row not in usual]


def _goes_first(plan: drafts.Plan, preview: samples.Preview | None) -> str:
    """How many go first as things stand, and what they can tell; empty where everybody goes at once."""
    if preview is None or not (plan.terms.canary_people or plan.terms.canary_percent):
        return ""
    few = canary.wanted(plan.terms, preview.admitted)
    if not few:
        return f"All {preview.admitted:,} at once: there are too few to let some go first"
    limits = safety.limits_of(plan.draft.account)
    return (
        f"{few:,} of {preview.admitted:,}. It pauses itself from two of them on: if more than "
        f"{limits.failures.normalize():f}% fail, or {limits.opt_outs.normalize():f}% opt out"
    )


def counted(preview: samples.Preview | None) -> dict[str, Any]:
    """A preview with its words."""
    if preview is None:
        return {"preview": None}
    minutes = -(-preview.sending_takes.total_seconds() // 60) if preview.sending_takes else 0
    return {
        "preview": preview,
        "excluded": [(words.exclusion(reason), number) for reason, number in preview.excluded],
        "excluded_total": preview.matched - preview.admitted,
        "takes": words.rough_duration(int(minutes)),
    }


def outline(version: WorkflowVersion) -> list[dict[str, Any]]:
    """The nodes of a workflow in order, with what each is."""
    return [
        {"node": node, "icon": words.kind_icon(node.kind), "words": words.kind(node.kind)}
        for node in graph.build(version).nodes.values()
        if node.kind != Node.Kind.END
    ]


def warnings(preview: samples.Preview, plan: drafts.Plan) -> list[str]:
    """What somebody should know before sending; nothing here forbids it."""
    return [*_of_pace(preview, plan), *of_people(preview, plan.draft.account, now=plan.now)]


def of_people(preview: samples.Preview, account: Account, *, now: datetime) -> list[str]:
    """What somebody should know of whom it reaches and what it says, whoever decides about it."""
    found = [*_of_texts(preview), *_of_emails(preview), *_of_calls(preview)]
    found += [*_of_lists(account, now), *_of_units(account, now)]
    if preview.matched and preview.admitted < preview.matched / 2:
        found.append("More than half of the audience is left out. Check the reasons below.")
    return found


def _of_pace(preview: samples.Preview, plan: drafts.Plan) -> list[str]:
    """What number and hours make of it."""
    found = []
    numbers = {number.pk: number for number in plan.numbers}
    found += [unknown for number in numbers.values() if (unknown := registration.warning(number))]
    for pause in safety.in_force(plan.draft.account, now=plan.now) if numbers else ():
        if number := numbers.get(pause.number_id or 0):
            left = "its texts leave from the others" if len(numbers) > 1 else "nothing leaves from it"
            found.append(f"{number} paused itself: {pause.reason} Until it is resumed, {left}.")
    if preview.stretches:
        found.append(preview.stretches)
    if preview.first_at and preview.first_at > (plan.at or plan.now):
        found.append("The start lies outside sending hours. Texts wait for the next opening.")
    if preview.sending_takes and preview.sending_takes.total_seconds() > _LONG_DAY:
        rate = "this number’s rate" if len(numbers) == 1 else "the rate of these numbers together"
        at = "this pace" if plan.terms.texts_per_hour else rate
        found.append(f"At {at} the first texts take more than one day of sending hours.")
    return found


def _of_texts(preview: samples.Preview) -> list[str]:
    """Whom words pass over, and what the samples show."""
    found = []
    for field, people in preview.lacking.fields:
        many = words.number_of(people, "customer")
        found.append(f"{many} will be skipped where a message needs it: no {field}.")
    if any(sample.segments > 1 for sample in preview.samples):
        most = max(sample.segments for sample in preview.samples)
        found.append(f"The text takes {most} segments, so it costs and lasts {most} times as much.")
    return found


def _of_emails(preview: samples.Preview) -> list[str]:
    """Whom the workflow's emails pass over."""
    if not preview.without_mailbox:
        return []
    many = words.number_of(preview.without_mailbox, "customer")
    return [f"{many} of {preview.admitted:,} have no email address: the emails pass them over, texts do not."]


def _of_calls(preview: samples.Preview) -> list[str]:
    """Whom a script may not speak to."""
    calls = preview.calls
    if not calls.by_script or not calls.without_consent:
        return []
    many = words.number_of(calls.without_consent, "customer")
    return [
        f"{many} of {preview.admitted:,} have no recorded written consent to recorded voice: the script does "
        "not speak to them, and they join the call queue for a person."
    ]


def _of_units(account: Account, now: datetime) -> list[str]:
    """Business units that rest: their customers enter, and get nothing before it is over."""
    return [
        f"Campaigns rest for customers of {pause.business_unit}"
        + (f" until {_shown(pause.until, account)}" if pause.until else "")
        + (f" ({pause.reason})" if pause.reason else "")
        + ": whoever’s latest job was with it enters, and gets nothing before that is over."
        for pause in unit_pausing.in_force(account, now=now)
    ]


def _shown(moment: datetime, account: Account) -> str:
    here = moment.astimezone(account.zone)
    return f"{here:%b} {here.day}, {words.clock_minute(here.hour * 60 + here.minute)}"


def _of_lists(account: Account, now: datetime) -> list[str]:
    """Scrubs of the national registry that have grown too old."""
    return [
        f"{kept.name}, your scrub of the national registry, is from {kept.obtained_on:%b} "
        f"{kept.obtained_on.day}. It may be relied on for 31 days: upload a new one in its place."
        for kept in DoNotCallList.objects.stale(account.pk, timezone.localdate(now))
    ]


def moved(seen: str, preview: samples.Preview) -> datetime | None:
    """When the first text would leave by the review, where that is no longer so: looked at in the morning,
    pressed at night. `seen` as the form sends it back."""
    try:
        then = datetime.fromisoformat(seen)
    except ValueError:
        return None
    if then.tzinfo is None or preview.first_at is None:
        return None
    return then if abs(preview.first_at - then) > STALE else None


def changes(before: dict[str, Any], preview: samples.Preview) -> list[tuple[str, int, int]]:
    """What differs between the review and now, as (words, then, now)."""
    then, today = dict(before.get("excluded", [])), dict(preview.excluded)
    rows = [("Would get it", before.get("admitted", 0), preview.admitted)]
    rows.append(("In the audience", before.get("matched", 0), preview.matched))
    rows += [(words.exclusion(key), then.get(key, 0), today.get(key, 0)) for key in {**then, **today}]
    return [row for row in rows if row[1] != row[2]]
