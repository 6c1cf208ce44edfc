"""Playbooks: their order, their archive, their copies, and what their page counts."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, Role
from campaigns import cloning, drafts, playbooks, undoing
from campaigns.models import Campaign, Playbook
from common import clock
from tests import factories
from tests.accounts.making import signed_in
from tests.analytics import world

pytestmark = pytest.mark.django_db
PAGE = reverse("campaigns:playbooks")


@pytest.fixture
def account():
    return factories.make_account()


@pytest.fixture
def marketer(account):
    return factories.make_user(account, Role.MARKETER)


def names(account):
    return [group.playbook.name for group in playbooks.of(account).groups]


def test_playbooks_keep_the_order_they_are_put_in(account, marketer):
    a, _, c = [playbooks.add(account, name, by=marketer) for name in ("A", "B", "C")]
    playbooks.shift(c, -1, by=marketer)
    assert names(account) == ["A", "C", "B"]
    playbooks.shift(c, -5, by=marketer)
    playbooks.shift(a, 1, by=marketer)
    assert names(account) == ["C", "B", "A"]


@pytest.mark.parametrize("name", ["", "  ", "Spring", " Spring ", "x" * 121])
def test_a_name_that_cannot_be_is_refused(account, marketer, name):
    playbooks.add(account, "Spring", by=marketer)
    with pytest.raises(playbooks.NotPossible):
        playbooks.add(account, name, by=marketer)
    assert names(account) == ["Spring"]


def test_an_archived_playbook_is_offered_to_no_launch_and_comes_back(account, marketer):
    from campaigns.forms import WorkflowForm

    spring = playbooks.add(account, "Spring", by=marketer)
    playbooks.add(account, "Fall", by=marketer)

    def offered():
        form = WorkflowForm(account=account, now=clock.now())
        return [one.name for one in form.fields["playbook"].queryset]

    playbooks.archive(spring, by=marketer, now=clock.now())
    assert (names(account), offered()) == (["Fall"], ["Fall"])
    assert [group.playbook.name for group in playbooks.of(account).archived] == ["Spring"]
    spring.refresh_from_db()
    playbooks.restore(spring, by=marketer)
    assert names(account) == offered() == ["Fall", "Spring"]


def test_a_copy_has_every_campaign_unlaunched_and_without_an_audience(account, marketer):
    made = world.build(account=account)
    spring = playbooks.add(account, "Spring", by=marketer)
    playbooks.put(made.campaign, spring, by=marketer)
    copy, n = playbooks.clone(spring, by=marketer, now=clock.now())
    assert (copy.name, n) == ("Copy of Spring", 1)
    campaign = Campaign.objects.get(playbook=copy)
    assert (campaign.status, campaign.name) == ("created", f"Copy of {made.campaign.name}")
    assert not campaign.enrollments.exists()
    draft = undoing.take_back(campaign, by=marketer)
    assert draft.fields["audience"] == ""
    assert (draft.fields["playbook"], draft.fields["name"]) == (str(copy.pk), campaign.name)
    assert drafts.open_for(account, marketer).begun
    again, _ = playbooks.clone(copy, by=marketer, now=clock.now())
    assert again.name == "Copy 2 of Spring"
    assert playbooks.clone(spring, by=marketer, now=clock.now())[0].name == "Copy 3 of Spring"


def test_no_copy_has_the_name_of_another():
    taken = {"Copy of Spring", "Copy 2 of Spring"}
    assert cloning.name_of_copy("Copy 2 of Spring", taken, longest=160) == "Copy 3 of Spring"
    assert cloning.name_of_copy("Copy of ", set(), longest=160) == "Copy of Copy of"
    long = "x" * 160
    first = cloning.name_of_copy(long, set(), longest=160)
    assert first == f"Copy of {'x' * 152}"
    assert cloning.name_of_copy(long, {first}, longest=160) == f"Copy 2 of {'x' * 150}"


def test_entries_and_exits_are_those_of_the_campaigns(account, marketer):
    made = world.build(account=account)
    made.touch()
    spring = playbooks.add(account, "Spring", by=marketer)
    playbooks.put(made.campaign, spring, by=marketer)
    (group,) = playbooks.of(account).groups
    assert (group.entries, group.exits, group.active) == (1, 0, 1)
    client = signed_in(marketer)
    page = client.get(PAGE).content.decode()
    assert "Spring" in page
    assert made.campaign.name in page
    behind = client.get(f"{reverse('analytics:sending_rows')}?figure=entries&playbook={spring.pk}")
    assert behind.status_code == 200


def test_the_page_does_what_its_buttons_say(account, marketer):
    client = signed_in(marketer)
    client.post(reverse("campaigns:playbook_add"), {"name": "Spring"})
    spring = Playbook.objects.get()
    client.post(reverse("campaigns:playbook_change", args=[spring.pk, "rename"]), {"name": "Spring 2027"})
    client.post(reverse("campaigns:playbook_change", args=[spring.pk, "archive"]))
    spring.refresh_from_db()
    assert (spring.name, spring.archived_at is None) == ("Spring 2027", False)
    assert client.post(reverse("campaigns:playbook_change", args=[spring.pk, "burn"])).status_code == 404
    said = list(
        AuditEntry.objects.filter(verb="arranged_playbook").order_by("pk").values_list("summary", flat=True)
    )
    assert said == [
        "Created the playbook Spring", "Renamed the playbook Spring to Spring 2027",
        "Archived the playbook Spring 2027",
    ]  # fmt: skip


def do(client, playbook, verb, query="", **fields):
    return client.post(
        reverse("campaigns:playbook_change", args=[playbook.pk, verb]) + query, fields, follow=True
    )


def test_order_is_changed_by_buttons_and_the_keyboard_goes_on_there(account, marketer):
    a, b, c = [playbooks.add(account, name, by=marketer) for name in ("A", "B", "C")]
    client = signed_in(marketer)
    answer = do(client, c, "up")
    assert answer.redirect_chain[-1][0] == f"{PAGE}#playbook-{c.pk}"
    assert names(account) == ["A", "C", "B"] and "C moved up." in answer.content.decode()
    do(client, a, "down")
    assert names(account) == ["C", "A", "B"]
    page = client.get(PAGE).content.decode()
    menus = {
        one.name: page.split(f'id="playbook-menu-{one.pk}"')[1].split("</details>")[0] for one in (a, b, c)
    }
    assert "Move up" not in menus["C"] and "Move down" in menus["C"]
    assert "Move up" in menus["B"] and "Move down" not in menus["B"]


def test_archiving_is_taken_back_where_it_stood(account, marketer):
    _, b, _ = [playbooks.add(account, name, by=marketer) for name in ("A", "B", "C")]
    client = signed_in(marketer)
    page = do(client, b, "archive").content.decode()
    back = reverse("campaigns:playbook_change", args=[b.pk, "restore"]) + "?undo=1"
    assert f'action="{back}"' in page and names(account) == ["A", "C"]
    assert "B is back." in client.post(back, follow=True).content.decode()
    assert names(account) == ["A", "B", "C"]
    do(client, b, "archive")
    do(client, b, "restore")
    assert names(account) == ["A", "C", "B"], "out of the archive it goes behind the others"


def test_campaigns_are_put_in_and_taken_out_and_the_figures_follow(account, marketer):
    made = world.build(account=account)
    made.touch()
    spring = playbooks.add(account, "Spring", by=marketer)
    client = signed_in(marketer)
    put = reverse("campaigns:playbook_put", args=[made.campaign.pk])
    page = client.post(put, {"playbook": str(spring.pk)}, follow=True).content.decode()
    assert f"{made.campaign.name} is in Spring now." in page and "In no playbook" not in page
    (group,) = playbooks.of(account).groups
    assert (group.entries, group.exits, group.active) == (1, 0, 1)
    page = client.post(put, {"playbook": ""}, follow=True).content.decode()
    assert "is in no playbook now." in page and "In no playbook" in page
    stranger = playbooks.add(factories.make_account(), "Theirs", by=marketer)
    assert client.post(put, {"playbook": str(stranger.pk)}).status_code == 404


def test_a_copy_is_made_from_the_page(account, marketer):
    made = world.build(account=account)
    spring = playbooks.add(account, "Spring", by=marketer)
    playbooks.put(made.campaign, spring, by=marketer)
    page = do(signed_in(marketer), spring, "clone").content.decode()
    assert "Copy of Spring is there with 1 campaign, none of them launched." in page
    assert names(account) == ["Spring", "Copy of Spring"]


def test_after_copying_one_sees_the_copy_and_after_all_else_what_it_was_done_to(account, marketer):
    spring = playbooks.add(account, "Spring", by=marketer)
    client = signed_in(marketer)
    copied = client.post(reverse("campaigns:playbook_change", args=[spring.pk, "clone"]))
    copy = Playbook.objects.get(name="Copy of Spring")
    assert copied["Location"] == f"{PAGE}#playbook-{copy.pk}"
    moved = client.post(reverse("campaigns:playbook_change", args=[spring.pk, "down"]))
    assert moved["Location"] == f"{PAGE}#playbook-{spring.pk}"


def test_nobody_touches_playbooks_of_another_account_or_without_the_right(account, marketer):
    spring = playbooks.add(account, "Spring", by=marketer)
    stranger = signed_in(factories.make_user(factories.make_account(), Role.MARKETER))
    agent = signed_in(factories.make_user(account, Role.AGENT))
    for verb in ("rename", "up", "down", "archive", "restore", "clone"):
        assert do(stranger, spring, verb, name="Mine").status_code == 404
        assert do(agent, spring, verb, name="Mine").status_code == 403
    page = agent.get(PAGE).content.decode()
    assert "Spring" in page and "playbook-menu-" not in page and "Add playbook" not in page
    assert names(account) == ["Spring"]


def test_a_name_that_cannot_be_is_kept_where_it_was_typed(account, marketer):
    client = signed_in(marketer)
    spring = playbooks.add(account, "Spring", by=marketer)
    made = client.post(reverse("campaigns:playbook_add"), {"name": "Autumn"})
    autumn = Playbook.objects.get(name="Autumn")
    assert made["Location"] == f"{PAGE}#playbook-{autumn.pk}", "one sees what one made"
    again = client.post(reverse("campaigns:playbook_add"), {"name": "Spring "})
    assert again.status_code == 422 and "There is a playbook “Spring” already" in again.text
    assert 'value="Spring "' in again.text and 'aria-describedby="playbook-error"' in again.text
    renamed = client.post(
        reverse("campaigns:playbook_change", args=[autumn.pk, "rename"]), {"name": "Spring"}
    )
    assert renamed.status_code == 422 and 'class="playbooks__rename" open' in renamed.text
    assert list(Playbook.objects.order_by("pk").values_list("name", flat=True)) == ["Spring", "Autumn"]
    moved = client.post(reverse("campaigns:playbook_change", args=[autumn.pk, "up"]))
    assert moved["Location"].endswith(f"#playbook-{autumn.pk}") and names(account) == ["Autumn", "Spring"]
    assert spring.archived_at is None
