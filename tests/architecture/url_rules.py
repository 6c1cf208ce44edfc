"""Who may use every URL: one row per URL name. `test_access.py` tries each as everybody.

A new URL needs a row here, or the test fails:

    "campaigns:launch": Rule(capability="launch_campaign", methods={"POST"}, arg="campaign"),

and, if its address names a row of an account, an example of such a row:

    EXAMPLES["campaign"] = lambda account: make_campaign(account)

An example is a model instance or a value for the address's one argument, or a dict for several. Put the
account's name into what you make: a page of one account that shows the name of another fails.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from accounts.models import Account, BusinessUnit, Membership, Role
from analytics.compliance import building
from analytics.downloads import building as downloading
from analytics.downloads import queueing, sources
from analytics.models import ComplianceReport, Download
from audiences.imports import running
from audiences.models import Audience, ClosedDay, Consent, ContactImport, DoNotCallList, OptOutImport
from campaigns import workflow_drafts
from campaigns.models import Campaign, LaunchApproval, Playbook, Walkthrough
from campaigns.walkthroughs import scene
from common import clock
from conversations import unsubscribing
from conversations.models import MediaFile, SafetyPause, UnitPause
from integrations.models import SendingMailbox, SendingNumber
from tests import factories
from tests.accounts.making import make_user
from tests.analytics import world
from tests.audiences import people


@dataclass(frozen=True)
class Rule:
    """Who may use a URL, as its view must have declared it by `accounts.access`."""

    public: bool = False  # @access.public: anybody, signed in or not
    capability: str = "view"  # @access.require(capability)
    post: str = ""  # @access.require(…, post=…): needed besides, for POST
    methods: frozenset[str] | set[str] = frozenset({"GET"})  # what the view answers; others get 405
    arg: str = ""  # key of EXAMPLES for the arguments in the address
    owned: bool = True  # the example belongs to an account; another account's member gets 404
    data: Callable[[Account], dict[str, Any]] | None = None  # what to POST; nothing by default
    csrf_exempt: bool = False  # only for machines that sign their requests
    answers: frozenset[int] | set[int] = field(default=frozenset())  # further statuses that are right


def _address_of(file: MediaFile) -> dict[str, Any]:
    return {"token": file.token, "name": file.name}


def _walked(account: Account) -> dict[str, Any]:
    """A test of a workflow in which an email has been sent; the same one each time."""
    kept = Walkthrough.objects.filter(account=account).first()
    if kept is None:
        version = factories.make_workflow(
            account,
            [("email", "send_email", {"subject": "Hi", "body": "Hello"}), ("done", "end", {})],
            [("email", "next", "done")],
            name=f"Walk of {account.name}",
        )
        drawn, now = workflow_drafts.drawn(version), datetime(2026, 11, 23, 18, tzinfo=UTC)
        email = {
            "kind": "email", "at": now.isoformat(), "node": "email", "act": 0, "name": "Email",
            "to": "sample@example.com", "from": "office@comfort.example", "subject": "Hi", "body": "Hello",
            "known": {}, "language": "en", "links": [], "size": 40,
        }  # fmt: skip
        kept = Walkthrough.objects.create(
            account=account, workflow=version.workflow, graph=drawn.stored(), drawn_as="Version 1",
            sample="en", starts_at=now, places=scene.places(drawn),
            shown={"events": [email], "mails": {"0": "<p>Hello</p>"}, "now": now.isoformat()},
        )  # fmt: skip
    return {"pk": kept.workflow_id, "walk": kept.pk}


BOTH = frozenset({"GET", "POST"})
POST = frozenset({"POST"})

RULES: dict[str, Rule] = {
    "healthz": Rule(public=True),
    "readyz": Rule(public=True, answers={503}),
    "metrics": Rule(public=True),
    "styleguide": Rule(),
    "short-link": Rule(public=True, arg="short code", owned=False, answers={404}),
    "short-link-proof": Rule(public=True, arg="challenge", owned=False),
    "campaigns:links": Rule(capability="manage_providers", methods=BOTH),
    "campaigns:links_check": Rule(capability="manage_providers", methods=POST),
    "accounts:login": Rule(public=True, methods=BOTH),
    "accounts:logout": Rule(public=True, methods=POST),
    "accounts:password_reset": Rule(public=True, methods=BOTH),
    "accounts:password_reset_sent": Rule(public=True),
    "accounts:password_reset_done": Rule(public=True),
    "accounts:password_reset_choose": Rule(public=True, methods=BOTH, arg="reset link", owned=False),
    "accounts:settings": Rule(),
    "accounts:roles": Rule(),
    "accounts:invitation": Rule(public=True, methods=BOTH, arg="reset link", owned=False),
    "accounts:profile": Rule(methods=BOTH),
    "accounts:password": Rule(methods=POST),
    "accounts:people": Rule(capability="manage_users"),
    "accounts:invite": Rule(capability="manage_users", methods=BOTH),
    "accounts:member": Rule(capability="manage_users", arg="member"),
    "accounts:member_role": Rule(
        capability="manage_users", methods=POST, arg="member", data=lambda account: {"role": "agent"}
    ),
    "accounts:member_invite": Rule(capability="manage_users", methods=POST, arg="member"),
    "accounts:member_disable": Rule(capability="manage_users", methods=POST, arg="member"),
    "accounts:member_enable": Rule(capability="manage_users", methods=POST, arg="member"),
    "accounts:member_remove": Rule(capability="manage_users", methods=POST, arg="member"),
    "accounts:account": Rule(capability="manage_account", methods=BOTH),
    "accounts:audit_log": Rule(capability="read_audit_log"),
    "accounts:switch": Rule(
        capability="view", methods=POST, data=lambda account: {"account": str(account.pk)}
    ),
    "analytics:dashboard": Rule(),
    "analytics:tile_rows": Rule(arg="tile", owned=False),
    "analytics:search": Rule(),
    "analytics:compare": Rule(),
    "analytics:sending": Rule(),
    "analytics:answered_calls": Rule(arg="lane"),
    "analytics:sending_rows": Rule(answers={404}),
    "analytics:definitions": Rule(),
    "analytics:jobs": Rule(),
    "analytics:job": Rule(arg="job"),
    "analytics:correct_credit": Rule(capability="correct_credit", methods=BOTH, arg="job"),
    "analytics:campaign": Rule(arg="campaign"),
    "analytics:campaign_rows": Rule(arg="campaign"),
    "analytics:campaign_numbers": Rule(arg="campaign"),
    "analytics:downloads": Rule(capability="queue_download"),
    "analytics:download_queue": Rule(capability="queue_download", methods=POST, answers={404}),
    "analytics:download_file": Rule(capability="queue_download", arg="download", answers={404}),
    "analytics:download_again": Rule(
        capability="queue_download", methods=POST, arg="download", answers={404}
    ),
    "analytics:download_cancel": Rule(
        capability="queue_download", methods=POST, arg="download", answers={404}
    ),
    "analytics:download_delete": Rule(
        capability="queue_download", methods=POST, arg="download", answers={404}
    ),
    "analytics:campaign_record": Rule(arg="record"),
    "analytics:reports": Rule(capability="manage_compliance", methods=BOTH),
    "analytics:report_again": Rule(capability="manage_compliance", methods=POST, arg="report"),
    "analytics:report_file": Rule(capability="manage_compliance", arg="report file"),
    "analytics:recounts": Rule(post="manage_account", methods=BOTH),
    "analytics:opt_out_register": Rule(capability="read_conversations"),
    "audiences:list": Rule(),
    "audiences:create": Rule(capability="build_audience", methods=BOTH, data=lambda account: {"name": "All"}),
    "audiences:shape": Rule(capability="build_audience", methods=POST),
    "audiences:choices": Rule(capability="build_audience", methods=POST),
    "audiences:count": Rule(methods=POST),
    "audiences:details": Rule(methods=POST),
    "audiences:edit": Rule(
        post="build_audience", methods=BOTH, arg="audience", data=lambda account: {"name": "Renamed"}
    ),
    "audiences:saved_count": Rule(arg="audience"),
    "audiences:contacts": Rule(),
    "audiences:contact": Rule(arg="contact"),
    "audiences:contact_language": Rule(
        capability="set_language", methods=POST, arg="contact", data=lambda account: {"language": "es"}
    ),
    "audiences:imports": Rule(post="import_contacts", methods=BOTH),
    "audiences:import": Rule(arg="contact import"),
    "audiences:import_preview": Rule(capability="import_contacts", methods=POST, arg="contact import"),
    "audiences:import_confirm": Rule(
        capability="import_contacts", methods=POST, arg="contact import", answers={422}
    ),
    "audiences:import_discard": Rule(capability="import_contacts", methods=POST, arg="contact import"),
    "audiences:import_cancel": Rule(capability="import_contacts", methods=POST, arg="contact import"),
    "audiences:import_resume": Rule(capability="import_contacts", methods=POST, arg="contact import"),
    "audiences:import_undo": Rule(capability="import_contacts", methods=POST, arg="contact import"),
    "audiences:import_audience": Rule(capability="build_audience", methods=POST, arg="contact import"),
    "audiences:import_rows": Rule(arg="import rows"),
    "audiences:import_file": Rule(capability="import_contacts", arg="import rows"),
    "audiences:contact_history": Rule(arg="contact"),
    "audiences:contact_timeline": Rule(arg="contact"),
    "audiences:connections": Rule(capability="manage_providers"),
    "audiences:connection": Rule(capability="manage_providers", methods=BOTH, arg="provider", owned=False),
    "audiences:connection_test": Rule(
        capability="manage_providers", methods=POST, arg="provider", owned=False, answers={404}
    ),
    "audiences:sender_add": Rule(capability="manage_providers", methods=BOTH),
    "audiences:sender": Rule(capability="manage_providers", methods=BOTH, arg="sender"),
    "audiences:sender_switch": Rule(capability="manage_providers", methods=POST, arg="sender"),
    "audiences:sync": Rule(capability="manage_providers", methods=POST),
    "audiences:sync_stop": Rule(capability="manage_providers", methods=POST),
    "audiences:sync_resume": Rule(capability="manage_providers", methods=POST),
    "audiences:consent": Rule(post="manage_compliance", methods=BOTH),
    "audiences:consent_add": Rule(capability="record_consent", methods=POST, arg="contact", answers={422}),
    "audiences:consent_withdraw": Rule(capability="record_consent", methods=POST, arg="given consent"),
    "audiences:limits": Rule(post="manage_compliance", methods=BOTH),
    "audiences:consents": Rule(),
    "audiences:consents_import": Rule(capability="manage_compliance", methods=BOTH),
    "audiences:do_not_call": Rule(post="manage_compliance", methods=BOTH),
    "audiences:do_not_call_list": Rule(arg="do-not-call list"),
    "audiences:do_not_call_confirm": Rule(
        capability="manage_compliance", methods=POST, arg="do-not-call list"
    ),
    "audiences:do_not_call_discard": Rule(
        capability="manage_compliance", methods=POST, arg="do-not-call list"
    ),
    "audiences:do_not_call_remove": Rule(
        capability="manage_compliance", methods=POST, arg="do-not-call list"
    ),
    "servicetitan-webhook": Rule(public=True, methods=POST, csrf_exempt=True, answers={403}),
    "audiences:freshness": Rule(capability="manage_providers", methods=POST, answers={422}),
    "twilio-inbound": Rule(public=True, methods=POST, csrf_exempt=True, answers={403}),
    "sendgrid-events": Rule(public=True, methods=POST, csrf_exempt=True, answers={403}),
    "sendgrid-inbound": Rule(public=True, methods=POST, csrf_exempt=True, answers={403}),
    "twilio-status": Rule(
        public=True, methods=POST, csrf_exempt=True, answers={403}, arg="attempt", owned=False
    ),
    **{
        f"twilio-call-{step}": Rule(
            public=True, methods=POST, csrf_exempt=True, answers={403}, arg="attempt", owned=False
        )
        for step in (
            "answer",
            "key",
            "dialed",
            "leg",
            "screen",
            "notice",
            "amd",
            "voicemail",
            "recording",
            "status",
            "inbound-ring",
            "inbound-key",
            "inbound-dialed",
            "inbound-message",
        )
    },
    **{
        f"twilio-call-{step}": Rule(public=True, methods=POST, csrf_exempt=True, answers={403})
        for step in ("inbound", "inbound-status")
    },
    "campaigns:list": Rule(),
    "campaigns:launch": Rule(capability="launch_campaign"),
    "campaigns:launch_stage": Rule(
        capability="launch_campaign", methods=BOTH, arg="stage", owned=False, answers={409}
    ),
    "campaigns:launch_email": Rule(capability="launch_campaign"),
    "campaigns:launch_trial": Rule(capability="launch_campaign", methods=POST),
    "campaigns:launch_keep": Rule(capability="launch_campaign", methods=POST, arg="stage", owned=False),
    "campaigns:launch_shape": Rule(capability="launch_campaign", methods=POST),
    "campaigns:launch_effects": Rule(capability="launch_campaign", methods=POST),
    "campaigns:launch_save": Rule(capability="build_audience", methods=POST, answers={409}),
    "campaigns:launch_discard": Rule(capability="launch_campaign", methods=POST),
    "campaigns:launch_numbers": Rule(capability="launch_campaign", methods=POST, answers={409}),
    "campaigns:pause": Rule(capability="pause_campaign", methods=POST, arg="campaign"),
    "campaigns:resume": Rule(capability="pause_campaign", methods=BOTH, arg="campaign"),
    "campaigns:stop": Rule(capability="stop_campaign", methods=BOTH, arg="campaign"),
    "campaigns:pace": Rule(capability="pause_campaign", methods=BOTH, arg="campaign"),
    "campaigns:pool": Rule(capability="launch_campaign", methods=BOTH, arg="campaign", answers={409}),
    "campaigns:reschedule": Rule(capability="launch_campaign", methods=BOTH, arg="campaign"),
    "campaigns:joining": Rule(capability="launch_campaign", methods=BOTH, arg="campaign"),
    "campaigns:retry": Rule(capability="launch_campaign", methods=BOTH, arg="campaign"),
    "campaigns:remove": Rule(capability="pause_campaign", methods=BOTH, arg="record"),
    "campaigns:restore": Rule(capability="pause_campaign", methods=POST, arg="record"),
    "campaigns:undo": Rule(capability="launch_campaign", methods=POST, arg="campaign"),
    "campaigns:take_back": Rule(capability="launch_campaign", methods=BOTH, arg="campaign"),
    "campaigns:delete": Rule(capability="launch_campaign", methods=POST, arg="campaign"),
    "campaigns:rest": Rule(capability="pause_campaign", methods=POST, arg="campaign"),
    "campaigns:approval": Rule(
        capability="launch_campaign", methods=BOTH, arg="asked campaign", answers={409}
    ),
    "campaigns:let_in": Rule(capability="launch_campaign", methods=POST, arg="campaign"),
    "campaigns:launch_settings": Rule(capability="manage_compliance", methods=BOTH),
    "campaigns:move": Rule(capability="move_campaign", methods=BOTH, arg="campaign"),
    "campaigns:moves": Rule(arg="campaign"),
    "campaigns:move_cancel": Rule(capability="move_campaign", methods=POST, arg="campaign"),
    "campaigns:playbooks": Rule(),
    "campaigns:playbook_add": Rule(capability="edit_playbook", methods=POST),
    "campaigns:playbook_change": Rule(capability="edit_playbook", methods=POST, arg="playbook act"),
    "campaigns:playbook_put": Rule(capability="edit_playbook", methods=POST, arg="campaign"),
    "campaigns:versions": Rule(arg="workflow"),
    "campaigns:compare_versions": Rule(arg="workflow"),
    "campaigns:first_run": Rule(),
    "campaigns:test_text": Rule(capability="manage_numbers", methods=POST),
    "campaigns:bookings": Rule(capability="manage_providers", methods=BOTH),
    "campaigns:numbers": Rule(capability="manage_numbers"),
    "campaigns:number_add": Rule(capability="manage_numbers", methods=BOTH),
    "campaigns:number": Rule(capability="manage_numbers", methods=BOTH, arg="number"),
    "campaigns:number_switch": Rule(capability="manage_numbers", methods=POST, arg="number"),
    "campaigns:workflows": Rule(),
    "campaigns:designs": Rule(),
    "campaigns:design": Rule(arg="design", owned=False),
    "campaigns:design_email": Rule(arg="design", owned=False),
    "campaigns:design_test": Rule(methods=POST, arg="design", owned=False),
    "campaigns:begin_workflow": Rule(capability="edit_workflow", methods=POST, arg="starter", owned=False),
    "campaigns:publish_workflow": Rule(capability="edit_workflow", methods=POST, arg="workflow version"),
    "campaigns:workflow_version": Rule(arg="workflow version"),
    "campaigns:new_workflow": Rule(capability="edit_workflow", methods=BOTH),
    "campaigns:import_workflow": Rule(capability="edit_workflow", methods=BOTH),
    "campaigns:clone_workflow": Rule(capability="edit_workflow", methods=POST, arg="workflow"),
    "campaigns:rename_workflow": Rule(capability="edit_workflow", methods=BOTH, arg="workflow"),
    "campaigns:archive_workflow": Rule(capability="edit_workflow", methods=POST, arg="workflow"),
    "campaigns:export_workflow": Rule(arg="workflow"),
    "campaigns:editor": Rule(arg="workflow"),
    "campaigns:editor_step": Rule(post="edit_workflow", methods=BOTH, arg="message"),
    "campaigns:editor_add": Rule(capability="edit_workflow", methods=BOTH, arg="workflow"),
    "campaigns:editor_act": Rule(capability="edit_workflow", methods=POST, arg="workflow", answers={404}),
    "campaigns:editor_place": Rule(
        capability="edit_workflow", methods=BOTH, arg="message", data=lambda _: {"how": "move", "to": ":"}
    ),
    "campaigns:editor_delete": Rule(capability="edit_workflow", methods=BOTH, arg="message"),
    "campaigns:editor_publish": Rule(
        capability="edit_workflow", methods=BOTH, arg="workflow", answers={409, 422}
    ),
    "campaigns:editor_email": Rule(arg="email message"),
    "campaigns:editor_test": Rule(methods=POST, arg="email message"),
    "campaigns:walkthroughs": Rule(capability="edit_workflow", methods=BOTH, arg="workflow"),
    "campaigns:walkthrough": Rule(capability="edit_workflow", arg="walkthrough"),
    "campaigns:walkthrough_act": Rule(
        capability="edit_workflow",
        methods=POST,
        arg="walkthrough",
        data=lambda _: {"revision": "0", "do": "next"},
    ),
    "campaigns:walkthrough_send": Rule(capability="edit_workflow", methods=POST, arg="walkthrough"),
    "campaigns:walkthrough_email": Rule(capability="edit_workflow", arg="walked email"),
    "campaigns:messages": Rule(arg="workflow"),
    "campaigns:messages_lacking": Rule(arg="workflow"),
    "campaigns:messages_publish": Rule(
        capability="edit_workflow", methods=BOTH, arg="workflow", answers={409}
    ),
    "campaigns:message": Rule(post="edit_workflow", methods=BOTH, arg="message"),
    "campaigns:message_email": Rule(arg="email message"),
    "campaigns:message_test": Rule(methods=POST, arg="email message"),
    "campaigns:message_discard": Rule(capability="edit_workflow", methods=POST, arg="message"),
    "conversations:inbox": Rule(capability="read_conversations"),
    "conversations:waiting": Rule(capability="read_conversations"),
    "calls:queue": Rule(),
    "calls:next": Rule(capability="call", methods=POST),
    "calls:phone": Rule(capability="call", methods=BOTH),
    "calls:available": Rule(capability="call", methods=POST),
    "calls:own": Rule(capability="call", methods=POST, arg="contact"),
    "calls:person": Rule(capability="read_conversations", arg="planned call"),
    "calls:take": Rule(capability="call", methods=POST, arg="planned call"),
    "calls:place": Rule(capability="call", methods=POST, arg="planned call"),
    "calls:end": Rule(capability="call", methods=POST, arg="planned call"),
    "calls:outcome": Rule(capability="call", methods=POST, arg="planned call"),
    "calls:undo": Rule(capability="call", methods=POST, arg="planned call"),
    "calls:again": Rule(capability="call", methods=BOTH, arg="planned call"),
    "calls:skip": Rule(capability="call", methods=BOTH, arg="planned call"),
    "calls:wrong_number": Rule(capability="opt_out_contact", methods=POST, arg="planned call"),
    "calls:leave": Rule(capability="call", methods=POST, arg="planned call"),
    "campaigns:book_for": Rule(capability="book_job", methods=BOTH, arg="contact"),
    "campaigns:book_windows": Rule(capability="book_job", arg="contact"),
    "conversations:thread": Rule(capability="read_conversations", arg="thread"),
    "conversations:reply": Rule(capability="reply", methods=POST, arg="thread"),
    "conversations:reply_size": Rule(capability="reply", methods=POST, arg="thread"),
    "campaigns:text_size": Rule(methods=POST),
    "conversations:media_upload": Rule(methods=POST),
    "conversations:media": Rule(public=True, arg="public file", owned=False),
    "conversations:attachment": Rule(capability="read_conversations", arg="file"),
    "conversations:senders": Rule(post="manage_compliance", methods=BOTH),
    "conversations:sender_resume": Rule(capability="manage_numbers", methods=POST, arg="sender pause"),
    "conversations:calling": Rule(post="manage_account", methods=BOTH),
    "conversations:calls_connect": Rule(capability="manage_numbers", methods=POST),
    "conversations:recording": Rule(capability="read_conversations", arg="recorded call", answers={404, 502}),
    "conversations:costs": Rule(post="manage_account", methods=BOTH),
    "conversations:fields": Rule(capability="reply", arg="thread"),
    "conversations:note": Rule(capability="write_note", methods=POST, arg="thread"),
    "conversations:close": Rule(capability="reply", methods=POST, arg="thread"),
    "conversations:reopen": Rule(capability="reply", methods=POST, arg="thread"),
    "conversations:assign": Rule(capability="reply", methods=POST, arg="thread"),
    "conversations:escalate": Rule(capability="reply", methods=POST, arg="thread"),
    "conversations:sending": Rule(post="manage_compliance", methods=BOTH),
    "conversations:pause_unit": Rule(capability="pause_everything", methods=BOTH),
    "conversations:resume_unit": Rule(capability="pause_everything", methods=POST, arg="unit pause"),
    "conversations:pause_everything": Rule(capability="pause_everything", methods=BOTH),
    "conversations:resume_everything": Rule(capability="pause_everything", methods=BOTH),
    "conversations:hours": Rule(),
    "conversations:law": Rule(),
    "conversations:quiet_hours": Rule(capability="manage_compliance", methods=POST),
    "conversations:business_hours": Rule(capability="manage_compliance", methods=POST),
    "conversations:closed_day": Rule(capability="manage_compliance", methods=POST),
    "conversations:closed_day_remove": Rule(capability="manage_compliance", methods=POST, arg="closed day"),
    "conversations:after_hours_answer": Rule(capability="manage_compliance", methods=POST),
    "conversations:after_hours_preview": Rule(methods=POST),
    "conversations:opt_outs": Rule(post="manage_compliance", methods=BOTH),
    "conversations:opt_outs_none": Rule(capability="manage_compliance", methods=POST),
    "conversations:opt_out_import": Rule(capability="manage_compliance", arg="opt-out import"),
    "conversations:opt_out_import_confirm": Rule(
        capability="manage_compliance", methods=POST, arg="opt-out import"
    ),
    "conversations:unsubscribe": Rule(
        public=True, methods=BOTH, csrf_exempt=True, arg="unsubscribe link", owned=False
    ),
    "conversations:brand": Rule(post="manage_account", methods=BOTH),
    "conversations:opt_out": Rule(capability="opt_out_contact", methods=POST, arg="thread"),
    "conversations:wrong_number": Rule(capability="opt_out_contact", methods=POST, arg="thread"),
    "conversations:opt_in": Rule(capability="opt_out_contact", methods=BOTH, arg="thread"),
    "conversations:opt_out_contact": Rule(capability="opt_out_contact", methods=BOTH, arg="contact"),
    "conversations:reading": Rule(capability="read_conversations", post="reply", methods=BOTH, arg="reading"),
}


def given_consent(account: Account) -> Consent:
    """A consent of a customer of the account."""
    giver = people.contact(account, name=f"Customer of {account.name}")
    return Consent.objects.create(
        account=account, address=people.phone(giver), contact=giver, kind="texts", source="form",
        proof=f"I agree to texts of {account.name}.", given_at=people.NOON, recorded_at=people.NOON,
    )  # fmt: skip


def _report(account: Account) -> ComplianceReport:
    """A finished report, whose number bears the account's name."""
    e164 = f"+1312556{account.pk % 10_000:04}"
    number = SendingNumber.objects.filter(e164=e164).first()
    number = number or factories.make_number(account, e164, label=f"Line of {account.name}")
    by, day = make_user(name=f"Owner of {account.name}"), date(2026, 11, 1)
    report = building.ask(account, number=number, first_day=day, last_day=day, by=by, now=clock.now())
    building.build_waiting(go_on=lambda: True)
    return report


def _download(account: Account) -> Download:
    """A finished file of a campaign's entries, of somebody who bears the account's name."""
    by = make_user(name=f"Collector of {account.name}")
    Membership.objects.create(account=account, user=by, role=Role.CSR)
    params = {"campaign": str(world.build(account=account).campaign.pk)}
    source = sources.get("campaign")
    download, _ = queueing.ask(account, source, params, form="csv", by=by, now=clock.now())
    downloading.build_waiting(go_on=lambda: True)
    return download


def _import(account: Account) -> ContactImport:
    """A file of two people that waits for its columns' meanings."""
    data = f"Name,Phone\nAnn of {account.name},3125550101\nBob,12\n".encode()
    by = make_user(name=f"Importer of {account.name}")
    name = f"List of {account.name}.csv"
    return running.take_in(account, io.BytesIO(data), len(data), name=name, by=by, now=clock.now())


def _unsubscribe_link(account: Account) -> str:
    """The token of a mailbox to which the account has never written."""
    reader = people.contact(account, name=f"Reader of {account.name}")
    return unsubscribing.token(factories.give_mailbox(reader).pk)


def _record(account: Account) -> dict[str, int]:
    enrollment = world.build(account=account).touch().enrollment
    return {"pk": enrollment.campaign_id, "record": enrollment.pk}


def _sender(account: Account) -> SendingMailbox:
    unit = BusinessUnit.objects.create(account=account, servicetitan_id=account.pk, name="HVAC service")
    name = f"HVAC of {account.name}"
    return factories.make_mailbox(account, email="hvac@comfort.example", name=name, business_unit=unit)


def _asked(account: Account) -> Campaign:
    """A campaign that waits for a second person."""
    campaign = world.build(account=account).campaign
    Campaign.objects.filter(pk=campaign.pk).update(status="created")
    LaunchApproval.objects.create(campaign=campaign, people=700, above=500)
    return campaign


EXAMPLES: dict[str, Callable[[Account], Any]] = {
    "playbook act": lambda account: {
        "pk": Playbook.objects.create(account=account, name=f"Season of {account.name}").pk,
        "verb": "archive",
    },
    "member": lambda account: Membership.objects.create(
        account=account, user=make_user(name=f"Colleague at {account.name}"), role=Role.CSR
    ),
    "reset link": lambda account: {"uidb64": "MQ", "token": "no-such-token"},
    "design": lambda account: "tune_up",
    "unsubscribe link": _unsubscribe_link,
    "sender": _sender,
    "audience": lambda account: Audience.objects.create(account=account, name=f"Everybody of {account.name}"),
    "job": lambda account: world.build(account=account).won_job(),
    "short code": lambda account: "00000000",
    "challenge": lambda account: "0f1e2d3c",
    "starter": lambda account: "tune-up-season",
    "tile": lambda account: "waiting_texts",
    "stage": lambda account: "audience",
    "campaign": lambda account: world.build(account=account).campaign,
    "asked campaign": _asked,
    "unit pause": lambda account: UnitPause.objects.create(
        account=account,
        business_unit=BusinessUnit.objects.create(
            account=account, servicetitan_id=account.pk + 1, name=f"Roofing of {account.name}"
        ),
    ),
    "record": _record,
    "provider": lambda account: "servicetitan",
    "number": lambda account: factories.make_number(account, f"+1312555{account.pk % 10_000:04}"),
    "opt-out import": lambda account: OptOutImport.objects.create(
        account=account, name=f"List of {account.name}", values="+13125550101", phones=1
    ),
    "contact import": _import,
    "import rows": lambda account: {"pk": _import(account).pk, "kind": "rejected"},
    "given consent": lambda account: given_consent(account),
    "do-not-call list": lambda account: DoNotCallList.objects.create(
        account=account, kind="own", name=f"List of {account.name}", obtained_on=people.NOON.date()
    ),
    "report": _report,
    "download": _download,
    "report file": lambda account: {"pk": _report(account).pk, "form": "csv"},
    "closed day": lambda account: ClosedDay.objects.create(
        account=account, day=date(2030, 1, 2), name=f"Inventory of {account.name}"
    ),
    "contact": lambda account: people.contact(account, name=f"Customer of {account.name}"),
    "workflow version": lambda account: factories.make_workflow(account, name=f"Tune-up of {account.name}"),
    "file": lambda account: factories.make_file(account),
    "public file": lambda account: _address_of(factories.make_file(account)),
    "recorded call": lambda account: factories.make_recorded_call(account),
    "sender pause": lambda account: SafetyPause.objects.create(
        account=account, number=factories.make_number(account), rule="failures", reason="Too many failed"
    ),
    "workflow": lambda account: factories.make_workflow(account, name=f"Words of {account.name}").workflow,
    "email message": lambda account: {
        "pk": factories.make_workflow(
            account,
            [("email", "send_email", {"subject": "Hi", "body": "Hello"}), ("done", "end", {})],
            [("email", "next", "done")],
            name=f"Email of {account.name}",
        ).workflow.pk,
        "key": "email",
    },
    "walkthrough": lambda account: _walked(account),
    "walked email": lambda account: {**_walked(account), "number": 0},
    "message": lambda account: {
        "pk": factories.make_workflow(account, name=f"Message of {account.name}").workflow.pk,
        "key": "first_text",
    },
    "thread": lambda account: factories.make_thread(account, name=f"Writer to {account.name}"),
    "lane": lambda account: factories.make_campaign_lane(account),
    "planned call": lambda account: factories.plan_call(
        factories.make_contact(
            account, factories.reserved(900 + account.pk % 500), name=f"Awaiting {account.name}"
        )
    ),
    "reading": lambda account: (
        factories.make_inbound(factories.make_thread(account, name=f"Writer to {account.name}")).reading
    ),
    "attempt": lambda account: "00000000-0000-4000-8000-000000000000",
}
