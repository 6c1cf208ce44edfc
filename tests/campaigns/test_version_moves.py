"""Moving a running campaign to another version: where everybody goes, what waits, and what breaks off."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from campaigns import engine, enrolling, lifecycle, version_moves
from campaigns.models import Campaign, Enrollment, Step, VersionMove
from common import sql
from conversations import delivery
from conversations.models import Message
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.test_engine import launch

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # a Monday in Chicago
FIRST = [
    ("hello", "send_sms", {"body": "Hello {{ first_name }}, from {{ company }}."}),
    ("pause", "wait", {"minutes": 60}),
    ("offer", "send_sms", {"body": "Our offer. Reply yes."}),
    ("answer", "wait_for_reply", {"timeout_minutes": 120}),
    ("done", "end", {}),
]
EDGES = [
    ("hello", "next", "pause"), ("pause", "next", "offer"), ("offer", "next", "answer"),
    ("answer", "no_reply", "done"), ("answer", "next", "done"), ("answer", "booking_yes", "done"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr("common.clock.now", lambda: NOON)


@pytest.fixture
def campaign():
    return launch(factories.make_account(), contacts=4, nodes=FIRST, edges=EDGES)


def version_of(campaign, nodes=FIRST, edges=EDGES):
    return factories.make_workflow(campaign.account, nodes, edges, workflow=campaign.version.workflow)


def changed(key, **settings):
    """The first version's nodes with another setting of one."""
    return [(k, kind, settings if k == key else was) for k, kind, was in FIRST]


def node(campaign, key):
    return campaign.version.nodes.get(key=key)


def accept():
    """The provider takes whatever is queued."""
    texts = Message.objects.filter(state="queued")
    texts.update(state="calling", due_at=None, body="Hello")
    calling = Message.objects.filter(state="calling")
    delivery.advance([delivery.Move(m.pk, "accepted", f"SM{m.pk}", "", "", 1) for m in calling], now=NOON)


def to_pause(campaign):
    """Everybody has had the first text and waits."""
    engine.run_round(now=NOON)
    accept()


def move(campaign, version, choices=None, size=1_000):
    """Move to the end; the row."""
    begun = version_moves.begin(campaign, version, choices or {}, by=None, now=NOON)
    while version_moves.go_on(begun.pk, now=NOON, size=size):
        pass
    begun.refresh_from_db()
    campaign.refresh_from_db()
    return begun


def where(campaign):
    """Open steps of live enrollments: (version, key, state) of each, and that each is on its own version."""
    found = Step.objects.filter(campaign=campaign, state__in=Step.OPEN).select_related(
        "node", "enrollment__version"
    )
    assert all(step.node.version_id == step.enrollment.version_id for step in found)
    return sorted((s.enrollment.version.number, s.node.key, s.state) for s in found)


def test_whoever_stands_at_a_node_goes_on_at_the_same_one(campaign):
    to_pause(campaign)
    before = dict(Step.objects.filter(state="waiting").values_list("enrollment", "pk"))
    found = move(campaign, version_of(campaign), size=3)
    assert where(campaign) == [(2, "pause", "waiting")] * 4
    assert dict(Step.objects.filter(state="waiting").values_list("enrollment", "pk")) == before
    assert (found.state, found.seen, found.counts["same"]) == ("done", 4, 4)
    assert campaign.status == Campaign.Status.ACTIVE
    assert campaign.lane.__class__.objects.get(pk=campaign.lane_id).paused is False
    engine.run_round(now=NOON + timedelta(minutes=61))
    assert where(campaign) == [(2, "offer", "scheduled")] * 4
    engine.run_round(now=NOON + timedelta(minutes=61))
    assert where(campaign) == [(2, "offer", "queued")] * 4


@pytest.mark.parametrize(("minutes", "due"), [(90, 90), (10, 10), (60, 60)])
def test_a_timer_keeps_its_start(campaign, minutes, due):
    to_pause(campaign)
    move(campaign, version_of(campaign, changed("pause", minutes=minutes)))
    assert set(Step.objects.filter(state="waiting").values_list("due_at", flat=True)) == {
        NOON + timedelta(minutes=due)
    }


def test_a_wait_for_a_time_of_the_week_is_asked_anew_and_back_keeps_its_start(campaign):
    to_pause(campaign)
    move(campaign, version_of(campaign, changed("pause", until={"days": [1], "at": "10:00"})))
    engine.run_round(now=NOON)
    due = set(Step.objects.filter(state="waiting").values_list("due_at", flat=True))
    assert due == {datetime(2026, 11, 24, 16, 0, tzinfo=UTC)}
    move(campaign, version_of(campaign))
    due = set(Step.objects.filter(state="waiting").values_list("due_at", flat=True))
    assert due == {NOON + timedelta(minutes=60)}


def test_a_queued_text_whose_words_changed_is_taken_back_and_queued_with_the_new(campaign):
    engine.run_round(now=NOON)
    old = list(Message.objects.order_by("pk"))
    assert {text.state for text in old} == {"queued"}
    Message.objects.filter(pk=old[0].pk).update(state="calling", due_at=None, body="Hello")
    found = move(campaign, version_of(campaign, changed("hello", body="Good day, from {{ company }}.")))
    assert found.counts == {"same": 4, "queued_again": 3}
    engine.run_round(now=NOON)
    states = sorted(Message.objects.values_list("state", "template__body", "code"))
    assert states == [
        ("calling", FIRST[0][2]["body"], ""),
        *[("cancelled", FIRST[0][2]["body"], "words_changed")] * 3,
        *[("queued", "Good day, from {{ company }}.", "")] * 3,
    ]
    accept()
    assert where(campaign) == [(2, "pause", "waiting")] * 4  # the one in flight, too


def test_a_queued_text_with_the_same_words_leaves_as_it_is(campaign):
    engine.run_round(now=NOON)
    move(campaign, version_of(campaign, changed("pause", minutes=5)))
    assert set(Message.objects.values_list("state", flat=True)) == {"queued"}
    accept()
    assert where(campaign) == [(2, "pause", "waiting")] * 4


SHORT = [FIRST[0], FIRST[2], FIRST[3], FIRST[4]]
SHORT_EDGES = [("hello", "next", "offer"), *EDGES[2:]]


def test_nobody_is_taken_from_a_gone_node_unless_somebody_chose(campaign):
    to_pause(campaign)
    found = move(campaign, version_of(campaign, SHORT, SHORT_EDGES))
    assert where(campaign) == [(1, "pause", "waiting")] * 4
    assert found.counts["leave"] == 4
    engine.run_round(now=NOON + timedelta(minutes=61))  # their version is looked at on and on
    engine.run_round(now=NOON + timedelta(minutes=61))
    assert where(campaign) == [(1, "offer", "queued")] * 4


@pytest.mark.parametrize(
    ("choice", "stand", "reason"),
    [
        ({"do": "continue", "to": "offer"}, (2, "offer", "scheduled"), "workflow_changed"),
        ({"do": "restart"}, (2, "hello", "scheduled"), "workflow_changed"),
    ],
)
def test_who_stands_at_a_gone_node_goes_where_was_chosen(campaign, choice, stand, reason):
    to_pause(campaign)
    gone = node(campaign, "pause").pk
    found = move(campaign, version_of(campaign, SHORT, SHORT_EDGES), {str(gone): choice})
    assert where(campaign) == [stand] * 4
    assert found.counts[choice["do"]] == 4
    left = Step.objects.filter(node=gone).values_list("state", "reason", "outcome").distinct()
    assert list(left) == [("skipped", reason, "moved")]


def test_an_exit_ends_the_passage_with_its_reason(campaign):
    to_pause(campaign)
    gone = node(campaign, "pause").pk
    move(campaign, version_of(campaign, SHORT, SHORT_EDGES), {str(gone): {"do": "exit"}})
    assert where(campaign) == []
    ended = Enrollment.objects.values_list("state", "ended_reason").distinct()
    assert list(ended) == [("ended", "workflow_changed")]


def test_a_restart_takes_back_what_waits_but_never_what_is_in_flight(campaign):
    engine.run_round(now=NOON)
    calling = Message.objects.order_by("pk").first()
    Message.objects.filter(pk=calling.pk).update(state="calling", due_at=None, body="Hello")
    nodes = [("welcome", "send_sms", {"body": "Welcome."}), *FIRST[1:]]
    edges = [("welcome", "next", "pause"), *EDGES[1:]]
    first = node(campaign, "hello").pk
    found = move(campaign, version_of(campaign, nodes, edges), {str(first): {"do": "restart"}})
    assert found.counts == {"restart": 3, "in_flight": 1, "queued_again": 0}
    engine.run_round(now=NOON)
    assert where(campaign) == [(1, "hello", "queued"), *[(2, "welcome", "queued")] * 3]
    live = Message.objects.exclude(state="cancelled").values_list("contact", flat=True)
    assert len(live) == len(set(live)) == 4
    accept()
    assert where(campaign) == [(1, "pause", "waiting"), *[(2, "pause", "waiting")] * 3]


def test_moving_there_and_back_begins_next_passes(campaign):
    to_pause(campaign)
    short = version_of(campaign, SHORT, SHORT_EDGES)
    gone = node(campaign, "pause").pk
    first = campaign.version
    move(campaign, short, {str(gone): {"do": "continue", "to": "offer"}})
    engine.run_round(now=NOON)
    move(campaign, first, {str(node(campaign, "offer").pk): {"do": "restart"}})
    assert where(campaign) == [(1, "hello", "scheduled")] * 4
    passes = Step.objects.filter(node__version=first, node__key="hello").values_list("pass_number", flat=True)
    assert sorted(passes) == [1, 1, 1, 1, 2, 2, 2, 2]
    engine.run_round(now=NOON)
    accept()
    engine.run_round(now=NOON + timedelta(hours=2))
    assert where(campaign) == [(1, "offer", "scheduled")] * 4


def test_who_begins_anew_in_a_campaign_that_has_not_started_begins_with_it():
    start = NOON + timedelta(days=10)
    campaign = launch(factories.make_account(), contacts=2, nodes=FIRST, edges=EDGES, at=start)
    nodes = [("welcome", "send_sms", {"body": "Welcome."}), *FIRST[1:]]
    edges = [("welcome", "next", "pause"), *EDGES[1:]]
    move(campaign, version_of(campaign, nodes, edges), {str(node(campaign, "hello").pk): {"do": "restart"}})
    assert campaign.status == "scheduled" and where(campaign) == [(2, "welcome", "scheduled")] * 2
    found = Step.objects.filter(node__key="welcome").values_list("due_at", "send_by")
    assert set(found) == {(start, start + timedelta(hours=72))}, "or all would be too late at the start"


def test_a_move_that_breaks_off_goes_on_where_it_was(campaign):
    to_pause(campaign)
    second = version_of(campaign, changed("pause", minutes=90))
    begun = version_moves.begin(campaign, second, {}, by=None, now=NOON)
    assert version_moves.go_on(begun.pk, now=NOON, size=2)
    assert where(campaign) == [(1, "pause", "waiting")] * 2 + [(2, "pause", "waiting")] * 2
    campaign.refresh_from_db()
    assert (campaign.status, campaign.version) == ("paused", second)
    with pytest.raises(lifecycle.NotPossible, match="being moved"):
        lifecycle.resume(campaign, by=None, now=NOON)
    while version_moves.go_on(begun.pk, now=NOON, size=2):
        pass
    assert where(campaign) == [(2, "pause", "waiting")] * 4
    assert set(Step.objects.filter(state="waiting").values_list("due_at", flat=True)) == {
        NOON + timedelta(minutes=90)
    }
    assert not version_moves.go_on(begun.pk, now=NOON)


def test_who_enters_meanwhile_enters_the_new_version(campaign):
    to_pause(campaign)
    stale = Campaign.objects.get(pk=campaign.pk)
    second = version_of(campaign)
    begun = version_moves.begin(campaign, second, {}, by=None, now=NOON)
    newcomer = factories.make_contact(campaign.account, "+13125550177")
    intake = stale.intakes.get()
    enrolling.alone(stale)
    assert enrolling.join(stale, intake, [newcomer.pk], now=NOON) == 1
    assert Enrollment.objects.get(contact=newcomer).version == second
    while version_moves.go_on(begun.pk, now=NOON):
        pass
    assert {stand[0] for stand in where(campaign)} == {2}


def test_a_stopped_campaign_is_moved_no_further(campaign):
    to_pause(campaign)
    begun = version_moves.begin(campaign, version_of(campaign), {}, by=None, now=NOON)
    version_moves.go_on(begun.pk, now=NOON, size=2)
    campaign.refresh_from_db()
    lifecycle.stop(campaign, by=None, now=NOON)
    assert not version_moves.go_on(begun.pk, now=NOON)
    begun.refresh_from_db()
    assert (begun.state, begun.seen) == ("stopped", 2)
    lifecycle.finish_stopped(now=NOON)
    assert where(campaign) == []


def test_a_cancelled_move_leaves_everybody_where_they_are(campaign):
    to_pause(campaign)
    by = factories.make_user(campaign.account)
    begun = version_moves.begin(campaign, version_of(campaign), {}, by=by, now=NOON)
    version_moves.go_on(begun.pk, now=NOON, size=1)
    assert version_moves.cancel(begun, by=by, now=NOON)
    assert not version_moves.cancel(begun, by=by, now=NOON)
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.ACTIVE
    assert where(campaign) == [(1, "pause", "waiting")] * 3 + [(2, "pause", "waiting")]
    engine.run_round(now=NOON + timedelta(minutes=61))
    engine.run_round(now=NOON + timedelta(minutes=61))
    assert where(campaign) == [(1, "offer", "queued")] * 3 + [(2, "offer", "queued")]


def test_a_paused_campaign_stays_paused(campaign):
    lifecycle.pause(campaign, by=None, now=NOON)
    move(campaign, version_of(campaign))
    assert campaign.status == Campaign.Status.PAUSED


@pytest.mark.parametrize("wrong", ["draft", "other workflow", "no such place", "twice", "stopped"])
def test_what_cannot_be_moved_is_refused_and_nothing_changes(campaign, wrong):
    version, choices = version_of(campaign, SHORT, SHORT_EDGES), {}
    match wrong:
        case "draft":
            version = factories.make_workflow(
                campaign.account, FIRST, EDGES, workflow=campaign.version.workflow, publish=False
            )
        case "other workflow":
            version = factories.make_workflow(campaign.account)
        case "no such place":
            choices = {str(node(campaign, "pause").pk): {"do": "continue", "to": "nowhere"}}
        case "twice":
            version_moves.begin(campaign, version, {}, by=None, now=NOON)
        case "stopped":
            lifecycle.stop(campaign, by=None, now=NOON)
    before = Campaign.objects.values_list("status", "version").get(pk=campaign.pk)
    with pytest.raises(version_moves.MoveRefused):
        version_moves.begin(campaign, version, choices, by=None, now=NOON)
    assert Campaign.objects.values_list("status", "version").get(pk=campaign.pk) == before
    assert VersionMove.objects.count() == (wrong == "twice")


def test_who_has_just_answered_what_the_other_version_has_no_way_for_stays(campaign):
    to_pause(campaign)
    engine.run_round(now=NOON + timedelta(minutes=61))
    engine.run_round(now=NOON + timedelta(minutes=61))
    accept()
    assert where(campaign) == [(1, "answer", "waiting")] * 4
    text = Message.objects.filter(template__body="Our offer. Reply yes.").order_by("pk").first()
    thread = factories.make_thread(campaign.account)
    reply = factories.make_inbound(thread, "yes", "booking_yes")
    enrollment = Enrollment.objects.get(contact=text.contact)
    Enrollment.objects.filter(pk=enrollment.pk).update(reply=reply)
    edges = [edge for edge in EDGES if edge[1] != "booking_yes"]
    found = move(campaign, version_of(campaign, FIRST, edges))
    assert found.counts == {"same": 3, "answered": 1, "queued_again": 0}
    enrollment.refresh_from_db()
    assert enrollment.version.number == 1


def test_a_slice_is_a_handful_of_statements(campaign, django_assert_max_num_queries):
    engine.run_round(now=NOON)
    begun = version_moves.begin(
        campaign, version_of(campaign, changed("hello", body="New words")), {}, by=None, now=NOON
    )
    with django_assert_max_num_queries(40):
        version_moves.go_on(begun.pk, now=NOON)


def test_counters_agree_after_a_move(campaign):
    from analytics.recount import recount

    to_pause(campaign)
    gone = node(campaign, "pause").pk
    move(campaign, version_of(campaign, SHORT, SHORT_EDGES), {str(gone): {"do": "continue", "to": "offer"}})
    engine.run_round(now=NOON)
    assert sql.value("SELECT count(*) FROM campaigns_step WHERE outcome = 'moved'") == 4
    assert not recount([campaign.pk]).differences


def test_the_campaigns_page_tells_versions_apart_and_counts_them_together(campaign):
    from analytics import campaign_diagram, campaign_page, counters
    from campaigns import move_progress

    to_pause(campaign)
    assert move_progress.standing(campaign).newest is None
    second = version_of(campaign)
    assert move_progress.standing(campaign).newest == 2
    begun = version_moves.begin(campaign, second, {}, by=None, now=NOON)
    version_moves.go_on(begun.pk, now=NOON, size=3)
    campaign.refresh_from_db()
    assert move_progress.standing(campaign).moving == (3, 4, 2)
    version_moves.cancel(begun, by=factories.make_user(campaign.account), now=NOON)
    campaign.refresh_from_db()
    with counters.snapshot():
        shown = campaign_page.of_campaign(campaign)
    assert shown.versions.people == ((2, 3), (1, 1))
    assert [(row.key, row.waiting) for row in shown.nodes if row.waiting] == [("pause", 4)]
    cards = campaign_diagram.cards(campaign, shown.nodes, shown.left)
    assert [card.row.waiting for card in cards if card.row.key == "pause"] == [4]


def test_who_was_moved_left_by_no_edge(campaign):
    from analytics import campaign_page, counters, metrics, passage
    from analytics.edge_counts import steps_by

    engine.run_round(now=NOON)
    move(campaign, version_of(campaign, changed("hello", body="Good day.")))
    engine.run_round(now=NOON)
    with counters.snapshot():
        shown = campaign_page.of_campaign(campaign)
    hello = shown.nodes[0]
    assert (hello.entered, hello.skipped, hello.queued) == (8, 4, 4)
    assert (shown.left["hello"].whole, shown.left["hello"].ended) == (0, 0)
    assert not metrics.rows_behind(campaign, "hello", "edge:next").exists()
    assert not Step.objects.filter(steps_by(campaign, "hello", "nowhere")).exists()
    told = passage.read(Enrollment.objects.order_by("pk").first())
    assert (told.stops[0].way, told.stops[0].to) == ("moved on as the workflow changed", "")


def test_the_number_is_typed_that_stood_there_though_people_leave_meanwhile(monkeypatch):
    monkeypatch.setattr("campaigns.views.moves.TYPED_ABOVE", 2)
    campaign = launch(factories.make_account(), contacts=40, nodes=FIRST, edges=EDGES)
    version = version_of(campaign, nodes=changed("offer", body="A better offer."))
    client = signed_in(factories.make_user(campaign.account, "marketer"))
    url = reverse("campaigns:move", args=[campaign.pk])
    assert "Type 40 to confirm" in client.get(url).text
    gone = Enrollment.objects.earliest("pk")
    Enrollment.objects.filter(pk=gone.pk).update(state="ended", ended_at=NOON, ended_reason="finished")
    typed = {"to": str(version.number), "people": "40", "typed": "39", "why": "Better words"}
    answer = client.post(url, typed)
    assert answer.status_code == 422 and "Type 39 to move that many people" in answer.text
    assert 'value="39"' in answer.text and 'value="Better words"' in answer.text, "what was typed is kept"
    for people in ("", "4", "4000"):
        assert client.post(url, {**typed, "people": people, "typed": people}).status_code == 422, people
    assert client.post(url, {**typed, "typed": "40"}).status_code == 302
    assert VersionMove.objects.get().people == 39
