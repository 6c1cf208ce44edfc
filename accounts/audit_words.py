"""What the audit log says of every kind of act: its name in the filter, and the sentence of an entry."""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from accounts.models import AuditEntry

PRODUCT = "Truckroll"  # who acts where nobody does


@dataclass(frozen=True, slots=True)
class Act:
    """One kind: its group and name in the filter, and the words before a summary that is a mere name."""

    group: str
    name: str
    lead: str = ""


# Every verb that is ever given to `audit.record`; a test reads the code for them.
ACTS: dict[str, Act] = {
    "launched": Act("Campaigns", "Launched a campaign"),
    "rescheduled": Act("Campaigns", "Moved a campaign’s start"),
    "changed_pool": Act("Campaigns", "Changed a campaign’s numbers"),
    "moved_waiting": Act("Campaigns", "Moved waiting messages to other numbers"),
    "changed_joining": Act("Campaigns", "Changed who joins a campaign later"),
    "removed_contact": Act("Campaigns", "Removed a customer from a campaign"),
    "undid_removal": Act("Campaigns", "Took a removed customer back into a campaign"),
    "retried_failed": Act("Campaigns", "Tried failed messages again"),
    "asked_approval": Act("Campaigns", "Asked for approval of a launch"),
    "approved_launch": Act("Campaigns", "Approved a launch"),
    "let_more_in": Act("Campaigns", "Let more customers into a campaign"),
    "refused_launch": Act("Campaigns", "Refused a launch"),
    "undid_launch": Act("Campaigns", "Undid a launch"),
    "took_back_launch": Act("Campaigns", "Took back a launch as a draft"),
    "deleted_campaign": Act("Campaigns", "Deleted a campaign that was never launched"),
    "missed_occurrences": Act("Campaigns", "Missed occurrences of a campaign"),
    "let_rest_follow": Act("Campaigns", "Let the others follow the first few"),
    "changed_launch_rules": Act("Compliance", "Changed when launches need approval"),
    "paused": Act("Campaigns", "Paused a campaign"),
    "resumed": Act("Campaigns", "Resumed a campaign"),
    "stopped": Act("Campaigns", "Stopped a campaign"),
    "cleared_passages": Act("Campaigns", "Deleted old details"),
    "asked_recount": Act("Account", "Had the counters recounted"),
    "changed_pace": Act("Campaigns", "Changed a campaign’s pace"),
    "corrected_credit": Act("Campaigns", "Corrected a credit"),
    "paused_sender": Act("Campaigns", "A sender paused itself"),
    "resumed_sender": Act("Campaigns", "Resumed a sender"),
    "changed_safety_limits": Act("Compliance", "Changed when senders pause themselves"),
    "changed_calls": Act("Account", "Changed how calls are made and taken"),
    "connected_calls": Act("Account", "Had calls come to the product"),
    "changed_rates": Act("Account", "Changed the rates"),
    "paused_everything": Act("Campaigns", "Paused everything"),
    "resumed_everything": Act("Campaigns", "Resumed everything"),
    "arranged_playbook": Act("Campaigns", "Arranged playbooks"),
    "began_move": Act("Campaigns", "Began to move a campaign to another version"),
    "ended_move": Act("Campaigns", "Ended a move to another version"),
    "paused_unit": Act("Campaigns", "Paused campaigns for a business unit"),
    "resumed_unit": Act("Campaigns", "Resumed campaigns for a business unit"),
    "began_workflow": Act("Campaigns", "Began a workflow"),
    "renamed_workflow": Act("Campaigns", "Renamed a workflow"),
    "archived_workflow": Act("Campaigns", "Archived a workflow or brought it back"),
    "published": Act("Campaigns", "Published a workflow"),
    "reworded": Act("Campaigns", "Changed a workflow’s words"),
    "changed_language": Act("Audiences", "Changed a contact’s language"),
    "created_audience": Act("Audiences", "Created an audience", "created the audience"),
    "changed_audience": Act("Audiences", "Changed an audience", "changed the audience"),
    "imported_contacts": Act("Audiences", "Began a contact import"),
    "finished_import": Act("Audiences", "Finished a contact import"),
    "resumed_import": Act("Audiences", "Went on with a contact import"),
    "cancelled_import": Act("Audiences", "Cancelled a contact import"),
    "undid_import": Act("Audiences", "Took back a contact import"),
    "changed_agent_phone": Act("People", "Changed the phone they call from"),
    "asked_booking": Act("Conversations", "Asked for a booking"),
    "skipped_call": Act("Conversations", "Skipped a call"),
    "ended_call": Act("Conversations", "Ended a script’s call"),
    "opted_out": Act("Compliance", "Recorded an opt-out"),
    "opted_in": Act("Compliance", "Ended an opt-out"),
    "changed_brand": Act("Compliance", "Changed how emails look"),
    "changed_footer": Act("Compliance", "Changed the opt-out line"),
    "declared_consent": Act("Compliance", "Declared the consent basis"),
    "imported_opt_outs": Act("Compliance", "Imported opt-outs"),
    "made_compliance_report": Act("Compliance", "Asked for a compliance report"),
    "finished_compliance_report": Act("Compliance", "Made a compliance report"),
    "downloaded_compliance_report": Act("Compliance", "Downloaded a compliance report"),
    "queued_download": Act("Downloads", "Queued a download"),
    "fetched_download": Act("Downloads", "Fetched a download"),
    "cancelled_download": Act("Downloads", "Cancelled a download"),
    "deleted_download": Act("Downloads", "Deleted a download"),
    "declared_no_opt_outs": Act("Compliance", "Declared that there are no old opt-outs"),
    "recorded_consent": Act("Compliance", "Recorded a consent"),
    "imported_consents": Act("Compliance", "Imported consents"),
    "withdrew_consent": Act("Compliance", "Withdrew a consent"),
    "changed_quiet_hours": Act("Compliance", "Changed quiet hours"),
    "changed_business_hours": Act("Compliance", "Changed business hours"),
    "added_closed_days": Act("Compliance", "Added closed days"),
    "removed_closed_day": Act("Compliance", "Removed a closed day"),
    "changed_after_hours_answer": Act("Compliance", "Changed the after-hours answer"),
    "changed_limits": Act("Compliance", "Changed the limits"),
    "began_do_not_call_list": Act("Compliance", "Put a do-not-call list in force"),
    "ended_do_not_call_list": Act("Compliance", "Removed a do-not-call list"),
    "sent_test_text": Act("Campaigns", "Sent a test text"),
    "sent_test_email": Act("Campaigns", "Sent themselves a test email"),
    "assigned_thread": Act("Conversations", "Assigned a thread"),
    "escalated_thread": Act("Conversations", "Escalated a thread"),
    "corrected_reading": Act("Conversations", "Corrected how a reply was read"),
    "marked_wrong_number": Act("Conversations", "Marked a wrong number"),
    "unmarked_wrong_number": Act("Conversations", "Took back a wrong number"),
    "closed_thread": Act("Conversations", "Closed a thread"),
    "reopened_thread": Act("Conversations", "Reopened a thread"),
    "added_member": Act("People", "Added a person"),
    "invited_again": Act("People", "Sent an invitation again"),
    "changed_role": Act("People", "Changed a role"),
    "disabled_member": Act("People", "Disabled a person"),
    "enabled_member": Act("People", "Enabled a person"),
    "removed_member": Act("People", "Removed a person"),
    "changed_password": Act("People", "Changed their password"),
    "changed_account": Act("Account", "Changed the account"),
    "added_number": Act("Account", "Added a number"),
    "changed_number": Act("Account", "Changed a number"),
    "paused_number": Act("Account", "Paused a number"),
    "activated_number": Act("Account", "Activated a number"),
    "issued_token": Act("Account", "Issued an API token"),
    "connected": Act("Account", "Connected a provider"),
    "changed_connection": Act("Account", "Changed a connection"),
    "changed_job_creation": Act("Account", "Changed how workflows book"),
    "changed_links": Act("Account", "Changed how links are shortened"),
    "checked_link_domain": Act("Account", "Checked a link domain"),
    "stopped_sync": Act("Account", "Stopped the sync"),
    "resumed_sync": Act("Account", "Let the sync go on"),
    "changed_freshness": Act("Account", "Changed how old the mirror may be"),
    "changed_email_sender": Act("Account", "Changed what emails are sent from"),
    "paused_email_sender": Act("Account", "Switched a business unit’s email sender off"),
    "activated_email_sender": Act("Account", "Switched a business unit’s email sender on"),
}

# Where the page of a row is, by what the entry is on; each takes the row's key.
PAGES = {
    "campaigns.campaign": "analytics:campaign",
    "campaigns.workflow": "campaigns:editor",
    "campaigns.workflowversion": "campaigns:workflow_version",
    "audiences.audience": "audiences:edit",
    "audiences.contact": "audiences:contact",
    "audiences.job": "analytics:job",
    "audiences.contactimport": "audiences:import",
    "audiences.donotcalllist": "audiences:do_not_call_list",
    "conversations.thread": "conversations:thread",
    "integrations.sendingnumber": "campaigns:number",
}

# Keys of `detail` as people read them; others are shown with blanks for their underscores.
DETAILS = {"email": "Email", "role": "Role", "before": "Before", "after": "After", "reason": "Reason"}


def who(entry: AuditEntry) -> str:
    """The person, or the product."""
    return str(entry.by) if entry.by is not None else PRODUCT


def did(entry: AuditEntry) -> str:
    """The rest of the sentence after the name: "stopped Fall tune-up"."""
    act = ACTS.get(entry.verb)
    if act is not None and act.lead:
        return f"{act.lead} {entry.summary}"
    rest = entry.summary.removeprefix(f"{who(entry)} ")  # some summaries begin with the person
    return rest[:1].lower() + rest[1:]


def page_of(entry: AuditEntry) -> str:
    """The address of the page of what was acted upon, or nothing; the row may be gone by now."""
    name = PAGES.get(entry.object_kind)
    if name is None:
        return ""
    try:
        return reverse(name, args=[entry.object_id])
    except NoReverseMatch:
        return ""


def details(entry: AuditEntry) -> list[tuple[str, str]]:
    """What else was kept, as (words, value)."""
    return [
        (DETAILS.get(key, key.replace("_", " ").capitalize()), _plain(value))
        for key, value in entry.detail.items()
    ]


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The kinds by group, for a select."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for verb, act in ACTS.items():
        groups.setdefault(act.group, []).append((verb, act.name))
    return list(groups.items())


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value)
