"""Walkthroughs themselves: begun, gone on with, taken back, begun anew; who and what they do not take."""

from datetime import timedelta

import pytest

from audiences import suppression
from campaigns import editing, tasks, workflow_drafts
from campaigns.models import Walkthrough
from campaigns.walkthroughs import keeping, playing
from campaigns.walkthroughs.keeping import Stale, Unfit
from campaigns.walkthroughs.stage import NotNow
from common import clock
from conversations.models import SendingPause
from tests import factories
from tests.campaigns.walking import DONE, NOON, TEXT, asking, begun, company, go, kinds, plain, said

pytestmark = pytest.mark.django_db


def test_who_opted_out_would_not_enter() -> None:
    account, by, ann = company()
    suppression.opt_out(factories.phone_of(ann), channel="phone", source="text", now=NOON, evidence="STOP")
    walk = begun(by, plain(account), ann)
    assert "would not enter the campaign: Opted out" in said(walk) and walk.shown["stands"]["over"]
    with pytest.raises(NotNow):
        go(walk, "next")


def test_a_pause_of_everything_is_said_and_nothing_is_noted() -> None:
    account, by, ann = company()
    walk = begun(by, plain(account), ann)
    SendingPause.objects.create(account=account, by=by, reason="Storm")
    with pytest.raises(NotNow, match="sending is paused"):
        go(walk, "next")
    walk.refresh_from_db()
    assert walk.acts == []


def test_a_draft_that_cannot_run_says_what_to_mend() -> None:
    account, by, ann = company()
    version = factories.make_workflow(account, [*TEXT, *DONE], [("text", "next", "done")], publish=False)
    assert begun(by, version, ann).drawn_as == "Draft, never published"
    broken = factories.make_workflow(
        account, [("text", "send_sms", {"body": "{{ nothing }}"}), *DONE], [("text", "next", "done")],
        publish=False,
    )  # fmt: skip
    with pytest.raises(Unfit) as unfit:
        begun(by, broken, ann)
    assert [problem.key for problem in unfit.value.problems] == ["text"]
    assert Walkthrough.objects.count() == 1


def test_two_tabs_lose_nothing() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    other = Walkthrough.objects.get(pk=walk.pk)
    go(walk, "next")
    with pytest.raises(Stale):
        keeping.go_on(other, {"do": "next"}, revision=0, by=by, now=NOON)
    other.refresh_from_db()
    assert other.acts == [{"do": "next"}]
    # Seen alike, pressed at once: the one who writes second is told.
    late = Walkthrough.objects.get(pk=walk.pk)
    go(walk, "next")
    with pytest.raises(Stale):
        keeping.go_on(late, {"do": "next"}, revision=late.revision, by=by, now=NOON)


def test_undo_and_starting_over_go_back() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    go(walk, "next")
    go(walk, "reply", words="What does it cost?")
    keeping.undo(walk, revision=walk.revision, by=by, now=NOON)
    assert kinds(walk) == ["text"] and walk.acts == [{"do": "next"}]
    keeping.start_over(walk, revision=walk.revision, by=by, now=NOON)
    assert kinds(walk) == [] and walk.acts == []


def test_what_no_longer_fits_is_left_out_and_said() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    go(walk, "next")
    suppression.opt_out(factories.phone_of(ann), channel="phone", source="text", now=NOON, evidence="STOP")
    told = go(walk, "reply", words="Yes please")
    assert "Something has changed" in told and walk.acts == []
    assert "would not enter" in said(walk)


def test_without_a_number_nothing_is_walked() -> None:
    account, by, ann = company()
    account.sending_numbers.update(active=False)
    with pytest.raises(playing.NoNumber):
        begun(by, plain(account), ann)
    assert not Walkthrough.objects.exists()


def test_old_walkthroughs_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    account, by, ann = company()
    version = plain(account)
    monkeypatch.setattr(keeping, "KEPT", 2)
    walks = [begun(by, version, ann, now=NOON + timedelta(minutes=n)) for n in range(3)]
    assert set(Walkthrough.objects.values_list("pk", flat=True)) == {walk.pk for walk in walks[1:]}


def test_an_edited_draft_is_noticed_and_walked_anew() -> None:
    account, by, ann = company()
    version = plain(account)
    workflow_drafts.apply(
        version.workflow, lambda drawn: editing.change(drawn, "text", settings={"body": "One"}), said="",
        revision=0, by=by, now=NOON,
    )  # fmt: skip
    walk = begun(by, version, ann)
    assert walk.drawn_as == "Draft of version 2" and not keeping.is_behind(walk)
    draft = workflow_drafts.of(version.workflow)
    workflow_drafts.apply(
        version.workflow, lambda drawn: editing.change(drawn, "text", settings={"body": "Two"}), said="",
        revision=draft.revision, by=by, now=NOON,
    )  # fmt: skip
    assert keeping.is_behind(walk)
    keeping.start_over(walk, revision=walk.revision, by=by, now=NOON)
    go(walk, "next")
    assert "Two" in said(walk)


def test_what_nobody_went_on_with_for_90_days_goes_at_night() -> None:
    account, by, ann = company()
    kept, old = begun(by, plain(account), ann), begun(by, asking(account), ann)
    Walkthrough.objects.filter(pk=old.pk).update(changed_at=clock.now() - keeping.FOR - timedelta(minutes=1))
    Walkthrough.objects.filter(pk=kept.pk).update(changed_at=clock.now() - keeping.FOR + timedelta(hours=1))
    assert tasks.tidy_walkthroughs() == 1 and tasks.tidy_walkthroughs() == 0
    assert list(Walkthrough.objects.values_list("pk", flat=True)) == [kept.pk]
