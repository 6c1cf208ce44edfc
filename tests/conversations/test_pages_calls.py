"""The pages of the call queue: who waits, the person an agent has open, and what is done with them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry, User
from audiences.models import ContactAddress, DoNotCallEntry, DoNotCallList, OptOut
from common import clock, sql
from conversations import call_outcomes, call_taking, said_outcomes
from conversations.models import AgentPhone, Call, PlannedCall, Thread
from integrations.models import SendingNumber
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
State = PlannedCall.State
NOW = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Tuesday, 11 in Chicago: people may be called."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def account() -> Account:
    return factories.make_account("Page Comfort")


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent", "Ana Agent")


@pytest.fixture
def client(agent: User) -> Client:
    return signed_in(agent)


def plan(
    account: Account, name: str = "Ann Doe", phone: str = "+13125550111", **fields: object
) -> PlannedCall:
    return factories.plan_call(factories.make_contact(account, phone, name=name), **fields)


def called(planned: PlannedCall, by: User, **fields: object) -> Call:
    """A call that this agent has made; over and answered, unless `fields` say otherwise."""
    now = clock.now()
    chosen = {
        "state": Call.State.COMPLETED, "accepted_at": now, "answered_at": now, "connected_at": now,
        "ended_at": now, "agent_phone": "+13125550177", **fields,
    }  # fmt: skip
    return Call.objects.create(
        account=planned.account, planned=planned, direction="out", contact=planned.contact,
        address=planned.address, number=planned.number, by=by, **chosen,
    )  # fmt: skip


def page(client: Client, planned: PlannedCall, query: str = "") -> str:
    return client.get(reverse("calls:person", args=[planned.pk]) + query).content.decode()


def test_the_queue_names_who_waits_why_and_how_often(account: Account, client: Client) -> None:
    plan(account, "Ann Doe", tries=None, due_at=clock.now() - timedelta(hours=2))
    plan(account, "Bob Back", "+13125550112", kind="call_back")
    shown = client.get(reverse("calls:queue")).content.decode()
    assert shown.index("Bob Back") < shown.index("Ann Doe")
    assert "Asked for a call back" in shown and "1 of 1" in shown and "(312) 555-0111" in shown
    assert "No phone of yours is known" in shown
    assert 'aria-label="Campaigns"' in shown  # at once, not with the first refresh


def test_nobody_waits_says_when_the_next_falls_due(account: Account, client: Client) -> None:
    plan(account, state="cancelled", due_at=None)
    assert "Campaigns whose workflow has a call step" in client.get(reverse("calls:queue")).content.decode()
    plan(account, "Bob Later", "+13125550112", due_at=clock.now() + timedelta(hours=3))
    shown = client.get(reverse("calls:queue")).content.decode()
    assert "Nobody waits for a call" in shown and "The next falls due" in shown


def test_a_marketer_reads_and_is_offered_nothing(account: Account) -> None:
    planned = plan(account)
    marketer = signed_in(factories.make_user(account, "marketer"))
    shown = marketer.get(reverse("calls:queue")).content.decode()
    assert "Ann Doe" in shown and "Next call" not in shown and "Your role reads the queue" in shown
    assert marketer.post(reverse("calls:next")).status_code == 403
    assert "Open this person" not in page(marketer, planned)


def test_next_call_leads_to_the_person_and_a_second_agent_gets_another(
    account: Account, client: Client
) -> None:
    first = plan(account, "Ann Doe", due_at=clock.now() - timedelta(hours=2))
    second = plan(account, "Bob Two", "+13125550112", due_at=clock.now() - timedelta(hours=1))
    other = signed_in(factories.make_user(account, "csr"))
    went = [one.post(reverse("calls:next")).headers["Location"] for one in (client, other)]
    assert [f"/calls/{first.pk}/" in went[0], f"/calls/{second.pk}/" in went[1]] == [True, True]
    third = client.post(reverse("calls:next"), headers=HTMX)
    assert third.headers["HX-Redirect"].startswith(f"/calls/{first.pk}/")


def test_somebody_else_took_it(account: Account, client: Client) -> None:
    planned = plan(account)
    other = factories.make_user(account, "agent", "Ben Busy")
    call_taking.take([planned.pk], by=other, now=clock.now())
    answer = client.post(reverse("calls:take", args=[planned.pk]), follow=True).content.decode()
    assert "Ben Busy has taken Ann Doe meanwhile" in answer and "Ben Busy has this person" in answer


def test_without_a_phone_the_page_asks_for_it_and_keeps_the_person(
    account: Account, agent: User, client: Client
) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    assert "Set your phone to call" in page(client, planned)
    client.post(reverse("calls:place", args=[planned.pk]))
    planned.refresh_from_db()
    assert (planned.state, planned.taken_by, planned.calls.count()) == (State.TAKEN, agent, 0)


def test_a_phone_is_kept_once_it_is_one(account: Account, agent: User, client: Client) -> None:
    url = reverse("calls:phone")
    for wrong in ("555", "312-555-0100 ext. 7", factories.make_number(account, "+13125550190").e164):
        assert client.post(url, {"phone": wrong}).status_code == 422
    assert not AgentPhone.objects.exists()
    assert client.post(url, {"phone": "(312) 555-0177"}).status_code == 302
    assert AgentPhone.objects.get(user=agent, account=account).phone == "+13125550177"
    client.post(reverse("calls:available"), {"available": "yes"})
    kept = AgentPhone.objects.get()
    assert kept.available_since is not None and kept.seen_at is not None
    client.post(reverse("calls:available"), {"available": "no"})
    client.post(url, {"forget": "1"})
    assert not AgentPhone.objects.exists()
    assert AuditEntry.objects.filter(verb="changed_agent_phone", account=account).count() == 2


def test_polling_moves_seen_at_and_keeps_the_person(account: Account, agent: User, client: Client) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    AgentPhone.objects.create(account=account, user=agent, phone="+13125550177")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)  # leases are on the real clock
    PlannedCall.objects.filter(pk=planned.pk).update(taken_until=long_ago)
    first = client.get(reverse("calls:person", args=[planned.pk]), headers=HTMX)
    version = first.headers["HX-PTag"]
    poll = HTMX | {"X-Poll": "1", "HX-PTag": version}
    assert client.get(reverse("calls:person", args=[planned.pk]), headers=poll).status_code == 304
    planned.refresh_from_db()
    assert planned.taken_until is not None and planned.taken_until > long_ago + timedelta(days=365)
    assert AgentPhone.objects.get().seen_at is not None
    called(planned, agent, state=Call.State.IN_PROGRESS, ended_at=None)
    changed = client.get(reverse("calls:person", args=[planned.pk]), headers=poll)
    assert changed.status_code == 200 and "Talking with Ann Doe" in changed.content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "calling", "answered_at": None, "connected_at": None}, "Placing the call"),
        ({"state": "ringing", "answered_at": None, "connected_at": None}, "Ringing you"),
        ({"state": "in_progress", "answered_at": None, "connected_at": None}, "Ringing Ann Doe"),
        ({"state": "in_progress"}, "Talking with Ann Doe"),
        ({"state": "completed"}, "Call ended"),
        ({"answered_at": None, "connected_at": None, "code": "dialed:busy"}, "Ann Doe was busy"),
        ({"answered_at": None, "connected_at": None}, "Ann Doe did not answer"),
        ({"state": "no_answer", "answered_at": None, "connected_at": None}, "Your phone was not answered"),
        ({"state": "failed", "answered_at": None, "connected_at": None, "reason": "Twilio is down."},
         "Twilio is down."),
        ({"state": "unknown", "answered_at": None, "connected_at": None}, "place it no second time"),
    ],
)  # fmt: skip
def test_the_call_says_how_far_it_is(
    account: Account, agent: User, client: Client, fields: dict[str, object], words: str
) -> None:
    planned = plan(account)
    AgentPhone.objects.create(account=account, user=agent, phone="+13125550177")
    client.post(reverse("calls:take", args=[planned.pk]))
    called(planned, agent, **fields)
    assert words in page(client, planned)


def test_an_outcome_brings_the_next_person_with_an_undo(
    account: Account, agent: User, client: Client
) -> None:
    first = plan(account, "Ann Doe", due_at=clock.now() - timedelta(hours=2))
    second = plan(account, "Bob Two", "+13125550112", due_at=clock.now() - timedelta(hours=1))
    client.post(reverse("calls:take", args=[first.pk]))
    call = called(first, agent)
    data = {"outcome": "voicemail", "note": "Asked for Monday", "go_on": "1"}
    went = client.post(reverse("calls:outcome", args=[first.pk]), data).headers["Location"]
    assert went.startswith(f"/calls/{second.pk}/") and f"done={first.pk}" in went
    shown = client.get(went).content.decode()
    assert "Left a voicemail" in shown and "Undo" in shown
    call.refresh_from_db()
    assert call.note == "Asked for Monday"
    back = client.post(reverse("calls:undo", args=[first.pk])).headers["Location"]
    assert back.startswith(f"/calls/{first.pk}/")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, said_outcomes.outcome_of(first), second.state) == (State.TAKEN, "", State.QUEUED)


def test_who_wants_to_stay_stays(account: Account, agent: User, client: Client) -> None:
    planned = plan(account)
    plan(account, "Bob Two", "+13125550112")
    client.post(reverse("calls:take", args=[planned.pk]))
    called(planned, agent)
    went = client.post(reverse("calls:outcome", args=[planned.pk]), {"outcome": "answered"}).headers[
        "Location"
    ]
    assert went.startswith(f"/calls/{planned.pk}/")
    assert "half a minute" in client.get(went).content.decode()


def test_an_outcome_before_any_call_is_refused(account: Account, agent: User, client: Client) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    answer = client.post(reverse("calls:outcome", args=[planned.pk]), {"outcome": "answered"}, follow=True)
    assert "Nobody was called yet" in answer.content.decode()
    planned.refresh_from_db()
    assert (planned.state, planned.code) == (State.TAKEN, "")


def test_skipping_wants_a_reason(account: Account, client: Client) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    url = reverse("calls:skip", args=[planned.pk])
    assert client.post(url, {}).status_code == 422
    assert client.post(url, {"why": "other"}).status_code == 422
    client.post(url, {"why": "other", "words": "Sold the house"})
    planned.refresh_from_db()
    assert (planned.state, planned.code, planned.reason) == (State.CANCELLED, "skipped", "Sold the house")


def test_a_promise_keeps_to_the_customers_hours(account: Account, client: Client) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    url = reverse("calls:again", args=[planned.pk])
    form = client.get(url).context["form"]
    days = [value for value, _ in form.fields["day"].choices]
    sunday = next((day for day in form.days if day.weekday() == 6), None)
    assert sunday is None  # no campaign calls on a Sunday
    late = client.post(url, {"day": days[1], "hour": "23:00"})
    assert late.status_code == 422
    client.post(url, {"day": days[1], "hour": form.fields["hour"].choices[-1][0]})
    planned.refresh_from_db()
    assert planned.state == State.QUEUED and planned.code == "another_time"
    assert planned.due_at is not None and planned.due_at > clock.now()


def test_a_promise_after_a_call_ends_that_try_and_keeps_its_note(
    account: Account, agent: User, client: Client
) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    PlannedCall.objects.filter(pk=planned.pk).update(tries=1)
    call = called(planned, agent)
    url = reverse("calls:again", args=[planned.pk])
    form = client.get(url).context["form"]
    assert [words for _, words in form.fields["day"].choices][:3] == ["Today", "Tomorrow", "Thursday, Nov 26"]
    at = {"day": form["day"].initial, "hour": form["hour"].initial}
    client.post(url, {**at, "note": "After work\r\nAsk for Bo"})
    call.refresh_from_db()
    assert (call.outcome, call.note) == ("call_back", "After work\nAsk for Bo")
    # When it is due, the next agent is to call, and is not asked what came of the last one.
    PlannedCall.objects.filter(pk=planned.pk).update(due_at=NOW)
    client.post(reverse("calls:take", args=[planned.pk]))
    shown = page(client, planned)
    assert "Promised for this time" in shown and "Call ended" not in shown and "Call back" in shown
    sql.run("UPDATE conversations_plannedcall SET taken_until = clock_timestamp() - interval '1 s'")
    call_outcomes.sweep_taken(now=NOW)
    planned.refresh_from_db()
    assert (planned.state, planned.code) == (State.QUEUED, "another_time")


def test_who_is_being_called_is_promised_another_call_only_after_it(
    account: Account, agent: User, client: Client
) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    PlannedCall.objects.filter(pk=planned.pk).update(state=State.CALLING)
    url = reverse("calls:again", args=[planned.pk])
    form = client.get(url).context["form"]
    refused = client.post(url, {"day": form["day"].initial, "hour": form["hour"].initial})
    assert refused.status_code == 422 and "You are still in this call" in refused.content.decode()


def test_agents_have_the_calls_under_their_thumb(account: Account, client: Client) -> None:
    def thumbs(of: Client) -> list[str]:
        shown = of.get(reverse("calls:queue")).content.decode()
        links = shown.split('class="bottombar"', 1)[1].split("<details", 1)[0]
        return [path for path in ("/campaigns/", "/calls/") if f'href="{path}"' in links]

    assert thumbs(client) == ["/calls/"]
    assert thumbs(signed_in(factories.make_user(account, "csr", "Cy Csr"))) == ["/campaigns/"]


def test_who_was_called_is_not_skipped_from_a_page_that_is_behind(
    account: Account, agent: User, client: Client
) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    called(planned, agent)
    refused = client.post(reverse("calls:skip", args=[planned.pk]), {"why": "later"})
    assert refused.status_code == 422 and "say what came of it" in refused.content.decode()


def test_a_long_note_of_many_lines_is_kept_with_the_outcome(
    account: Account, agent: User, client: Client
) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    call = called(planned, agent)
    written = "\n".join(["x"] * 1000)  # 1,999 characters; browsers send each line's end as two
    client.post(
        reverse("calls:outcome", args=[planned.pk]),
        {"outcome": "answered", "note": written.replace("\n", "\r\n")},
    )
    call.refresh_from_db()
    assert call.note == written


def test_does_not_want_calls_is_an_opt_out_and_ends_the_call(account: Account, client: Client) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    url = reverse("conversations:opt_out_contact", args=[planned.contact_id])
    client.post(url, {"scope": "everything", "evidence": "“Never call again”, said on the phone"})
    assert OptOut.objects.get(address=planned.address, lifted_at=None).evidence.startswith("“Never call")
    assert "Nobody may call there" in page(client, planned)


def test_a_wrong_number_is_marked_where_no_thread_was(account: Account, client: Client) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    client.post(reverse("calls:wrong_number", args=[planned.pk]))
    assert ContactAddress.objects.get(contact=planned.contact_id).wrong_number_at is not None
    assert Thread.objects.filter(contact=planned.contact_id, closed_reason="wrong_number").exists()


def test_leaving_gives_the_person_back_at_once_or_soon(account: Account, agent: User, client: Client) -> None:
    planned = plan(account)
    client.post(reverse("calls:take", args=[planned.pk]))
    url = reverse("calls:leave", args=[planned.pk])
    assert client.post(url, {"closed": "1"}).status_code == 204
    planned.refresh_from_db()
    assert planned.state == State.TAKEN
    assert client.post(url).headers["Location"].startswith("/calls/")
    planned.refresh_from_db()
    assert (planned.state, planned.taken_by) == (State.QUEUED, None)


def test_an_own_call_is_opened_from_thread_and_contact(account: Account, agent: User, client: Client) -> None:
    thread = factories.make_thread(account, name="Thea Thread")
    for name, pk in (("conversations:thread", thread.pk), ("audiences:contact", thread.contact_id)):
        shown = client.get(reverse(name, args=[pk])).content.decode()
        assert reverse("calls:own", args=[thread.contact_id]) in shown
    went = client.post(reverse("calls:own", args=[thread.contact_id]), {"address": thread.address_id})
    planned = PlannedCall.objects.get(contact=thread.contact_id)
    assert went.headers["Location"] == reverse("calls:person", args=[planned.pk])
    assert (planned.kind, planned.taken_by, planned.number) == ("agent", agent, thread.number)
    client.post(reverse("calls:leave", args=[planned.pk]))
    planned.refresh_from_db()
    assert planned.state == State.CANCELLED  # nobody else's to make


def test_nobody_who_opted_out_is_called_by_hand_either(account: Account, agent: User, client: Client) -> None:
    contact = factories.make_contact(account, "+13125550111")
    factories.make_number(account)
    url = reverse("conversations:opt_out_contact", args=[contact.pk])
    client.post(url, {"scope": "everything", "evidence": ""})
    client.post(reverse("calls:own", args=[contact.pk]))
    assert not PlannedCall.objects.exists()


def test_the_script_is_filled_in_the_customers_language(account: Account, client: Client) -> None:
    from conversations import call_scripts

    words = call_scripts.Spoken(en="Hi {{ first_name }}!", es="¡Hola, {{ first_name }}! Habla {{ company }}.")
    script = call_scripts.stored(account, call_scripts.Plan(words=words))
    planned = plan(account, script=script, variables={"first_name": "Ana", "company": "Comfort"})
    type(planned.contact).objects.filter(pk=planned.contact_id).update(language="es")
    assert "¡Hola, Ana! Habla Comfort." in page(client, planned)


def test_the_frame_counts_who_waits_for_a_call(account: Account, client: Client) -> None:
    plan(account)
    shown = client.get(reverse("conversations:inbox")).content.decode()
    assert 'id="nav-calls"' in shown and "1<span" in shown.split('id="nav-calls"')[1][:200]


def test_before_the_first_call_the_queue_says_what_to_do(
    account: Account, agent: User, client: Client
) -> None:
    def steps(by: Client) -> dict[str, str]:
        shown = by.get(reverse("calls:queue")).content.decode()
        parts = shown.split('id="begin-')[2:]  # behind the heading's own
        return {part.split('"')[0]: part.split("</li>")[0] for part in parts}

    admin = signed_in(factories.make_user(account))
    found = steps(client)
    assert list(found) == ["number", "phone", "office", "workflow"]
    assert "An admin does this" in found["number"] and reverse("calls:phone") in found["phone"]
    assert reverse("campaigns:numbers") in steps(admin)["number"]
    factories.make_number(account)
    AgentPhone.objects.create(account=account, user=agent, phone="+13125550177")
    found = steps(client)
    assert "Done" in found["number"] and "Done" in found["phone"] and "Done" not in found["workflow"]
    plan(account)
    assert steps(client) == {}


def test_an_own_call_to_a_phone_on_a_do_not_call_list_says_so(account: Account, client: Client) -> None:
    thread = factories.make_thread(account, name="Thea Thread")
    client.post(reverse("calls:own", args=[thread.contact_id]), {"address": thread.address_id})
    planned = PlannedCall.objects.get(contact=thread.contact_id)
    assert "do-not-call list" not in page(client, planned)
    listed = DoNotCallList.objects.create(
        account=account,
        name="Ours",
        kind="own",
        obtained_on=NOW.date(),
        read_at=NOW,
        phones=1,
        confirmed_at=NOW,
    )
    DoNotCallEntry.objects.create(list=listed, phone=thread.address.value)
    assert "On a do-not-call list" in page(client, planned)


def test_a_refused_own_call_leads_back_to_where_it_was_asked_for(account: Account, client: Client) -> None:
    thread = factories.make_thread(account, name="Thea Thread")
    url = reverse("calls:own", args=[thread.contact_id])
    SendingNumber.objects.filter(account=account).update(active=False)
    back = client.post(url, {"address": thread.address_id, "thread": thread.pk})
    assert back.headers["Location"] == reverse("conversations:thread", args=[thread.pk])
    assert "there is no active number yet" in client.get(back.headers["Location"]).content.decode()
    other = factories.make_thread(factories.make_account("Elsewhere"), factories.reserved(960))
    for named in (other.pk, "nonsense", ""):
        back = client.post(url, {"thread": named})
        assert back.headers["Location"] == reverse("audiences:contact", args=[thread.contact_id])
    contact = client.get(reverse("audiences:contact", args=[thread.contact_id])).content.decode()
    assert "No calls: there is no active number yet" in contact and url not in contact


def test_who_waits_is_downloaded_as_it_is_narrowed(account: Account, client: Client) -> None:
    planned = plan(account)
    shown = client.get(reverse("calls:queue"), {"campaign": planned.lane_id}).content.decode()
    assert 'value="call-queue"' in shown and f'name="p.campaign" value="{planned.lane_id}"' in shown
