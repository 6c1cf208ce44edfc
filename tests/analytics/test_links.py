"""Links and clicks as they are counted: by triggers, by a recount, on the campaign's page, in its lists."""

import gzip
import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, Role
from analytics import counters, link_counts, metrics, retention
from analytics.recount import recount
from audiences.contact_timeline import page
from campaigns import click_judging
from campaigns.branch_fields import FIELDS
from campaigns.models import Campaign, Click, LinkCode, Step, TrackedLink
from common import sql
from conversations.models import Message
from tests.accounts.making import make_member, signed_in
from tests.campaigns.linking import BOOK, OFFER, accept, click, code_of, launch, make_account

pytestmark = [pytest.mark.django_db]
POLL = {"HX-Request": "true"}
SECOND = timedelta(seconds=1)


@pytest.fixture
def sent(noon: datetime) -> Campaign:
    """Four texts with two links each: two people followed one, a machine one of a third."""
    account, _ = make_account(4)
    campaign = launch(account)
    accept(noon)
    first, second, third, _ = Message.objects.order_by("pk")
    click(code_of(first), noon + 60 * SECOND)
    click(code_of(first, OFFER), noon + 90 * SECOND)
    click(code_of(second), noon + 70 * SECOND)
    click(code_of(third), noon + 10 * SECOND, kind="preview")
    while click_judging.judge(now=noon + 300 * SECOND):
        pass
    return campaign


def figures(campaign: Campaign) -> dict[str, tuple[int, int, int]]:
    found = counters.totals([campaign.pk])
    lines = link_counts.of_campaign(campaign, found, {"text": "Text"})
    return {line.destination: (line.sent, line.people, line.machines) for line in lines}


def test_each_link_and_the_node_count_what_a_recount_counts(sent: Campaign) -> None:
    assert figures(sent) == {BOOK: (4, 2, 1), OFFER: (4, 1, 0)}
    [row] = [row for row in metrics.node_rows(sent, counters.totals([sent.pk])) if row.key == "text"]
    assert (row.linked, row.clicks, row.click_rate.percent) == (4, 2, "50.0%")
    counters.squash()
    assert figures(sent) == {BOOK: (4, 2, 1), OFFER: (4, 1, 0)}
    result = recount()
    assert result.differences == [] and result.cells > 20


def test_a_drift_is_found(sent: Campaign) -> None:
    with_triggers_off = "SET session_replication_role = replica"
    sql.run(with_triggers_off)
    LinkCode.objects.exclude(clicked_at=None).update(clicked_at=None)
    sql.run("SET session_replication_role = DEFAULT")
    assert {difference.column.partition(":")[0] for difference in recount().differences} == {"clicks"}


def test_every_figure_opens_as_many_rows(sent: Campaign) -> None:
    for link in TrackedLink.objects.all():
        for column in link_counts.TITLES:
            name = f"{column}:{link.pk}"
            n = counters.totals([sent.pk])[sent.pk, "text", name]
            assert metrics.rows_behind(sent, None, name).count() == n
    assert metrics.rows_behind(sent, "text", "clicks").count() == 2
    assert metrics.rows_behind(sent, None, "linked").count() == 4


def test_the_links_of_a_campaign_are_shown_with_lists_and_downloads(sent: Campaign) -> None:
    client: Client = signed_in(make_member(sent.account, Role.CSR))
    address = reverse("analytics:campaign", args=[sent.pk])
    html = client.get(f"{address}?tab=links").content.decode()
    book = TrackedLink.objects.get(url=BOOK).pk
    assert "comfort.example" in html and "/book" in html and "utm_" not in html
    assert f'data-link="{book}" data-column="clicks" value="2"' in html
    listed = client.get(f"{address}rows/?column=clicks:{book}").content.decode()
    assert '<data data-rows value="2">' in listed and "People who followed this link" in listed
    assert 'name="p.column" value="clicks:' in listed
    assert client.get(f"{address}rows/?column=clicks:{book + 99}").status_code == 404
    table = client.get(f"{address}?tab=table", headers=POLL)
    assert 'data-column="clicks" value="2"' in table.content.decode() and b"50.0%" in table.content
    assert len(gzip.compress(table.content)) < 15_000
    records = client.get(f"{address}?tab=records&clicked=1").content.decode()
    assert re.search(r'data-found value="2"', records)


def test_a_campaign_without_links_says_so(noon: datetime) -> None:
    account, _ = make_account()
    campaign = launch(account, [("text", "send_sms", {"body": "Hi"}), ("done", "end", {})])
    client = signed_in(make_member(account, Role.CSR))
    html = client.get(reverse("analytics:campaign", args=[campaign.pk]) + "?tab=links").content.decode()
    assert "No links yet" in html


def test_a_record_and_a_contact_show_the_click(sent: Campaign) -> None:
    clicked = Message.objects.order_by("pk")[0]
    step = Step.objects.get(message=clicked)
    client = signed_in(make_member(sent.account, Role.AGENT))
    address = reverse("analytics:campaign_record", args=[sent.pk, step.enrollment_id])
    assert "Link followed" in client.get(address).content.decode()
    assert clicked.contact is not None
    told = [
        moment
        for moment in page(clicked.contact, "", "", may=lambda _: True).moments
        if "link" in moment.text
    ]
    assert [moment.note for moment in told] == [OFFER, BOOK]
    third = Message.objects.order_by("pk")[2].contact
    assert third is not None
    assert not [m for m in page(third, "", "", may=lambda _: True).moments if "link" in m.text]


def test_branches_and_rules_ask_who_clicked(sent: Campaign) -> None:
    asked = FIELDS["clicked"].sql.format()
    found = sql.column(f"SELECT e.id FROM campaigns_enrollment e WHERE {asked}")
    assert set(found) == {
        step.enrollment_id for step in Step.objects.filter(message__clicked_at__isnull=False)
    }


def test_deleting_old_passages_changes_no_figure(sent: Campaign) -> None:
    counters.squash()
    before = figures(sent)
    enrollments = sql.column("SELECT id FROM campaigns_enrollment WHERE campaign_id = %s", [sent.pk])
    retention._delete(sent, enrollments)
    assert not LinkCode.objects.exists() and not Click.objects.exists()
    assert figures(sent) == before and recount().differences == []


def test_another_accounts_links_are_not_shown(sent: Campaign) -> None:
    other = Account.objects.create(name="Elsewhere", slug="elsewhere", timezone="America/Chicago")
    client = signed_in(make_member(other, Role.ADMIN))
    assert client.get(reverse("analytics:campaign", args=[sent.pk]) + "?tab=links").status_code == 404
