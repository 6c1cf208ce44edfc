"""A launch is narrowed by the rules that audiences are built of: kept, told, frozen, saved as an audience."""

import json
import re
from html import unescape

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, Role
from audiences import counting, segments
from audiences.models import Audience
from audiences.rules import builder, fields
from campaigns.models import Campaign
from tests import factories
from tests.accounts.making import make_business_unit, make_member, signed_in
from tests.audiences import people
from tests.campaigns.launch_form import MODAL, URL, Ready, at, condition, with_unit
from tests.locks import kept_busy

pytestmark = pytest.mark.django_db

SHAPE, EFFECTS, SAVE = (reverse(f"campaigns:launch_{act}") for act in ("shape", "effects", "save"))
KEEP = reverse("campaigns:launch_keep", args=["audience"])
COMPANIES = condition("0", "kind", "any_of", value=["commercial"])


def test_the_modal_offers_every_field_of_the_builder(ready: Ready) -> None:
    ready.fill("audience")
    page = ready.client.post(SHAPE, ready.form("audience", edit="rule:")).content.decode()
    offered = set(re.findall(r'<option value="([a-z_.]+)"', page))
    assert {field.key for field in fields.FIELDS.values() if not field.scope} <= offered
    for source in {field.scope for field in fields.FIELDS.values()} - {""}:
        assert f"of.{source}:" in page
        inside = ready.client.post(SHAPE, ready.form("audience", edit=f"of.{source}:")).content.decode()
        assert all(f'value="{field.key}"' in inside for field in fields.offered(source)[_group(source)])


def _group(source: str) -> str:
    return next(iter(fields.offered(source)))


def test_every_change_of_shape_is_kept_with_what_is_not_complete_yet(ready: Ready) -> None:
    ready.fill("audience")
    page = ready.client.post(SHAPE, ready.form("audience", edit="ask.job.unit:")).content.decode()
    assert 'name="r-0-0-value"' in page or "None came from ServiceTitan yet" in page
    rules = [{"match": "all", "of": "job", "rules": [{"field": "job.unit", "is": "any_of"}]}]
    assert ready.draft.fields["targeting"]["rules"] == rules
    again = ready.open(**MODAL)
    assert "choose at least one" in again and re.search(r'value="job\.unit"\s+selected', again)
    assert 'aria-invalid="true"' in again, "what is wrong with rules kept from before is marked in its place"
    other = {**ready.form("audience", edit="rule:"), "token": "another tab's"}
    assert ready.client.post(SHAPE, other).status_code == 200
    assert ready.draft.fields["targeting"]["rules"] == rules


def test_a_page_whose_draft_is_over_writes_nothing_into_the_next(ready: Ready) -> None:
    ready.fill("audience")
    before = ready.draft.fields
    stale = {**ready.form("audience", **COMPANIES), "token": "of a draft that is over"}
    assert "launched or discarded elsewhere" in ready.client.post(KEEP, stale).content.decode()
    assert ready.client.post(EFFECTS, stale).status_code == 204
    assert ready.draft.fields == before


def test_rules_without_a_meaning_reach_nobody_and_keep_from_going_on(ready: Ready) -> None:
    gone = people.tag(ready.account, "Old", active=False)
    ready.fill("audience")
    typed = ready.form("audience", **condition("0", "tag", "any_of", value=[gone.pk]))
    counted = ready.client.post(KEEP, typed).content.decode()
    assert "The tag “Old” was deleted in ServiceTitan." in counted and "would get it" not in counted
    answer = ready.client.post(at("audience"), typed, headers=MODAL)
    page = answer.content.decode()
    assert answer.status_code == 422 and '<a href="#r-0">The tag “Old” was deleted' in page
    assert 'id="r-0-error"' in page and "Old (deleted)" in page
    assert ready.client.post(EFFECTS, typed).status_code == 204


def test_what_the_audience_and_each_rule_take_away_adds_up(ready: Ready) -> None:
    factories.make_contact(ready.account, "+13125550109", kind="commercial", active=True)
    homes = factories.make_audience(ready.account, name="Homes", rules={"kind": "residential"})
    unit = make_business_unit(ready.account)
    first = ready.account.contacts.filter(kind="residential").first()
    assert first is not None
    people.job(first, unit)
    ready.fill("audience")
    typed = ready.form("audience", audience=homes.pk, **with_unit(unit.pk), exclusions=["open_job"])
    page = ready.client.post(EFFECTS, typed).content.decode()
    links = re.findall(r'href="(/contacts/[^"]*)"[^>]*>[^<]*<data value="(\d+)"', page)
    assert [number for _, number in links] == ["4", "1", "2"] and "Audience: Homes" in page
    for link, number in links:
        assert f">{number} contact" in ready.client.get(unescape(link)).content.decode()
    assert "1 contact</p>" not in page and "Some of them" not in page


def test_the_review_says_the_rules_in_words_and_the_launch_freezes_them(ready: Ready) -> None:
    homes = factories.make_audience(ready.account, name="Homes", rules={"kind": "residential"})
    factories.make_contact(ready.account, "+13125550109", kind="commercial")
    inside = condition("0", "audience", "any_of", value=[homes.pk])
    page = ready.fill(**inside, exclusions=["recall"])
    assert "All active contacts" in page and "Audience: Homes" in page
    assert "Left out: a recall in the last 60 days" in page
    form = ready.form("review")
    Audience.objects.filter(pk=homes.pk).update(rules={"kind": "commercial"})
    answer = ready.client.post(at("review"), form, headers=MODAL)
    assert answer.status_code == 409 and "rules were changed elsewhere" in answer.content.decode()
    ready.post("review")
    frozen = Campaign.objects.get().targeting
    Audience.objects.filter(pk=homes.pk).update(rules={"kind": "residential"})
    assert "commercial" in json.dumps(frozen) and segments.count(ready.account, frozen) == 1


def test_a_copy_keeps_frozen_rules_with_whom_they_leave_out(ready: Ready) -> None:
    idle = factories.make_audience(ready.account, name="Idle", rules={
        "match": "all", "rules": [{"field": "kind", "is": "any_of", "value": ["residential"]}],
        "exclusions": ["open_job"],
    })  # fmt: skip
    ready.fill(**condition("0", "audience", "any_of", value=[idle.pk]))
    ready.post("review")
    frozen = Campaign.objects.get().targeting
    ready.client.get(f"{URL}?from={Campaign.objects.get().pk}", headers=MODAL)
    page = ready.client.post(
        at("workflow"), ready.form("workflow", go="audience"), headers=MODAL
    ).content.decode()
    assert "as in “Idle”" in page and "Left out: " in page
    inputs = re.findall(r'<(?:input|select)[^>]* name="(r[-0-9]*-[a-z]+)"', page)
    values = {
        name: re.findall(rf'name="{name}"(?:[^>]* value="([^"]*)"|.*?value="([^"]*)"\s+selected)', page, re.S)
        for name in inputs
    }
    sent = {name: [one or other for one, other in found] for name, found in values.items()}
    sent["r-0-0-0-value"] = ["residential"]  # a box that is ticked
    ready.client.post(KEEP, {"token": str(ready.draft.token), "audience": ready.audience.pk, **sent})
    assert ready.draft.fields["targeting"] == frozen


def test_rules_are_saved_as_an_audience_and_it_is_chosen(ready: Ready) -> None:
    ready.fill("audience")
    answer = ready.client.post(SAVE, ready.form("audience", **COMPANIES, save_as=""), headers=MODAL)
    assert answer.status_code == 422 and "Give the audience a name" in answer.content.decode()
    answer = ready.client.post(SAVE, ready.form("audience", **COMPANIES, save_as="Everybody"), headers=MODAL)
    assert answer.status_code == 422 and "of this name already" in answer.content.decode()
    wrong = condition("0", "last_job", "before", value="soon")
    answer = ready.client.post(SAVE, ready.form("audience", **wrong, save_as="Soon"), headers=MODAL)
    assert answer.status_code == 422 and Audience.objects.count() == 1
    clicked_twice = ready.form("audience", **COMPANIES, save_as="Companies")
    ready.client.post(SAVE, clicked_twice, headers=MODAL)
    answer = ready.client.post(SAVE, clicked_twice, headers=MODAL)
    saved = Audience.objects.get(name="Companies")
    assert answer.status_code == 200 and ready.draft.fields["audience"] == str(saved.pk)
    assert ready.draft.fields["targeting"] == {} and ready.draft.fields["name"] == "Spring tune-ups"
    assert segments.describe(ready.account, saved.rules) == [
        "Audience: Everybody", "Kind of customer: commercial",
    ]  # fmt: skip
    assert AuditEntry.objects.filter(verb="created_audience").count() == 1
    alone = ready.form("audience", audience="", **COMPANIES, save_as="From nothing")
    ready.client.post(SAVE, alone, headers=MODAL)
    assert segments.describe(ready.account, Audience.objects.get(name="From nothing").rules) == [
        "Kind of customer: commercial"
    ]
    marketer = signed_in(make_member(ready.account, Role.MARKETER))
    assert marketer.post(SAVE, {"save_as": "Mine"}).status_code == 403
    assert "Save as an audience" not in marketer.get(at("audience")).content.decode()


@pytest.mark.parametrize("match", ["all", "any", "none"])
def test_whoever_is_in_an_audience_and_meets_rules_is_in_the_audience_saved_of_both(
    ready: Ready, match: str
) -> None:
    for number, (kind, city) in enumerate((k, c) for k in ("residential", "commercial") for c in ("A", "B")):
        factories.make_contact(ready.account, f"+1312555020{number}", kind=kind, city=city)
    homes = factories.make_audience(ready.account, name="Homes", rules={"kind": "residential"})
    for root in ({}, {"of": "job"}, {"exclusions": ["do_not_service"]}):
        asks = [] if "of" in root else [{"field": "city", "is": "is", "value": ["A"]}]
        rules = {"match": match, "rules": asks, **root}
        both = segments.contacts(ready.account, homes.rules, rules).values_list("pk", flat=True)
        whole = segments.contacts(ready.account, builder.within(homes.pk, rules)).values_list("pk", flat=True)
        assert set(both) == set(whole), rules


@pytest.mark.django_db(transaction=True)
def test_an_audience_that_takes_long_to_count_is_said_so_and_nothing_is_sent(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready.fill()
    with monkeypatch.context() as hurried, kept_busy("audiences_contactaddress"):
        hurried.setattr(counting, "AT_ONCE", 0.05)
        hurried.setattr(counting, "AT_LENGTH", 0.06)
        page = ready.client.get(at("review"), headers=MODAL).content.decode()
        assert "It goes on, and the figures come by themselves" in page and "Send to" not in page
        page = ready.client.get(f"{at('review')}?longer=1", headers=MODAL).content.decode()
        assert "Count again" in page and "Send to" not in page
        answer = ready.post("review", headers=MODAL)
        assert answer.status_code == 409 and not Campaign.objects.exists()
        kept = ready.client.post(KEEP, ready.form("audience")).content.decode()
        hurried.setattr(counting, "FIRST_PAINT", 0.04)
        opened = ready.client.get(at("audience"), headers=MODAL).content.decode()
        assert "Counting …" in opened and 'hx-vals=\'{"longer": ""}\'' in opened
        assert "Counting this takes longer" in kept and 'hx-vals=\'{"longer": "1"}\'' in kept
    assert "Send to 3 contacts" in ready.client.get(at("review"), headers=MODAL).content.decode()
