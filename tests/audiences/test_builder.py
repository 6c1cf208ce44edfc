"""The builder: rules typed, changed in shape, counted, explained, saved; and a launch that agrees with it."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Role
from audiences import counting, segments
from audiences.forms import AudienceForm
from audiences.models import Audience, ContactTag, Job, Tag
from audiences.rules import builder, effects
from audiences.rules.exclusions import EXCLUSIONS
from campaigns import enrolling, launching
from campaigns.models import Enrollment, Exclusion
from common import clock, sql
from tests import factories
from tests.accounts.making import make_account, make_member, signed_in
from tests.audiences import people
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(db):
    return make_account()


@pytest.fixture
def csr(account):
    return signed_in(make_member(account, Role.CSR))


def condition(place, field, op, **value):
    return {f"r-{place}-field": field, f"r-{place}-is": op, **{f"r-{place}-{k}": v for k, v in value.items()}}


def test_an_audience_is_built_counted_and_changed(account, csr):
    vip, tune_up = people.tag(account), people.job_type(account)
    ann = people.contact(account, name="Ann")
    people.job(ann, kind=tune_up)
    ContactTag.objects.create(contact=ann, tag=vip)
    people.contact(account, name="Bob")
    typed = {
        "name": "VIPs", "r-match": "all", "exclusions": ["recall", "no such thing"],
        **condition("0", "tag", "any_of", value=[vip.pk]),
        "r-1-match": "any", **condition("1-0", "last_job", "more_ago", n="11", unit="months"),
        **condition("1-1", "city", "is_not", value="Berlin, New York ,"),
        "r-2-match": "all", "r-2-of": "job", **condition("2-0", "job.type", "any_of", value=[tune_up.pk]),
    }  # fmt: skip
    count = csr.post("/audiences/count/", typed, headers={"HX-Request": "true"}).content.decode()
    assert '<data value="1">' in count and "<html" not in count
    assert csr.post("/audiences/new/", typed).status_code == 302
    audience = Audience.objects.get()
    assert audience.created_by is not None and audience.rules == {
        "match": "all", "exclusions": ["recall"], "rules": [
            {"field": "tag", "is": "any_of", "value": [vip.pk]},
            {"match": "any", "rules": [
                {"field": "last_job", "is": "more_ago", "value": {"n": 11, "unit": "months"}},
                {"field": "city", "is": "is_not", "value": ["Berlin", "New York"]},
            ]},
            {"match": "all", "of": "job", "rules": [
                {"field": "job.type", "is": "any_of", "value": [tune_up.pk]},
            ]},
        ],
    }  # fmt: skip
    page = csr.get(f"/audiences/{audience.pk}/").content.decode()
    assert 'value="Berlin, New York"' in page and "Has a job with all of these" in page
    csr.post(
        f"/audiences/{audience.pk}/", {"name": "Old", **condition("0", "jobs", "at_most", value="1,000")}
    )
    audience.refresh_from_db()
    assert (audience.name, audience.rules["rules"]) == (
        "Old",
        [{"field": "jobs", "is": "at_most", "value": 1000}],
    )
    verbs = AuditEntry.objects.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["created_audience", "changed_audience"]


def test_mistakes_are_told_where_they_are_and_nothing_is_saved(account, csr):
    Audience.objects.create(account=account, name="VIPs")
    gone = people.tag(account, "Old tag", active=False)
    for wrong, words in (
        ({"name": ""}, "required"),
        ({"name": "VIPs"}, "of this name already"),
        ({"name": "X", **condition("0", "tag", "any_of", value=gone.pk)}, "was deleted in ServiceTitan"),
        ({"name": "X", **condition("0", "tag", "any_of", value=999999)}, "number 999999 does not exist"),
        (
            {"name": "X", **condition("0", "last_job", "more_ago", n="-1", unit="days")},
            "type 0 or more",
        ),
        ({"name": "X", **condition("0", "last_job", "more_ago", n="", unit="days")}, "say how long"),
        ({"name": "X", **condition("0", "jobs", "at_least", value="many")}, "Number of jobs"),
        ({"name": "X", "r-0-field": "", "r-0-is": ""}, "Choose what this rule asks"),
        ({"name": "X", "r-0-match": "any"}, "no rule yet"),
    ):
        answer = csr.post("/audiences/new/", wrong)
        assert answer.status_code == 422 and words in answer.content.decode(), wrong
    assert Audience.objects.count() == 1
    count = csr.post("/audiences/count/", condition("0", "tag", "any_of", value=gone.pk)).content.decode()
    assert "was deleted in ServiceTitan" in count and "<data" not in count
    assert csr.post("/audiences/details/", {"r-0-field": ""}).status_code == 204


def test_a_saved_rule_that_broke_is_marked_and_shown_where_it_is(account, csr):
    vip = people.tag(account)
    rules = {"match": "all", "rules": [{"field": "tag", "is": "any_of", "value": [vip.pk]}]}
    audience = Audience.objects.create(account=account, name="VIPs", rules=rules)
    vip.active = False
    vip.save()
    page = csr.get(f"/audiences/{audience.pk}/").content.decode()
    assert (
        "No campaign can use this audience" in page and 'id="r-0-error"' in page and "VIP (deleted)" in page
    )
    assert "was deleted in ServiceTitan" in csr.get("/audiences/").content.decode()


def test_the_second_of_two_people_who_save_is_refused_and_may_keep_a_copy(account, csr):
    mine = {"r-match": "all", **condition("0", "city", "is", value="Albany")}
    audience = Audience.objects.create(account=account, name="VIPs", rules={})
    url = f"/audiences/{audience.pk}/"
    seen = re.search(r'name="seen" value="(\w+)"', csr.get(url).content.decode())[1]
    colleague = signed_in(make_member(account, Role.ADMIN))
    theirs = {"r-match": "all", **condition("0", "city", "is", value="Troy")}
    assert colleague.post(url, {"name": "VIPs", "seen": seen, **theirs}).status_code == 302
    for _ in range(2):  # however often it is tried
        refused = csr.post(url, {"name": "VIPs", "seen": seen, **mine})
        page = refused.content.decode()
        assert refused.status_code == 409 and "while you were changing it" in page and "Albany" in page
        assert Audience.objects.get().rules["rules"][0]["value"] == ["Troy"]
    assert csr.post(url, {"name": "VIPs", "seen": seen, "copy": "1", **mine}).status_code == 302
    kept = Audience.objects.get(name="VIPs (copy)")
    assert kept.rules["rules"][0]["value"] == ["Albany"] and kept.created_by is not None
    assert Audience.objects.get(name="VIPs").rules["rules"][0]["value"] == ["Troy"]
    assert csr.post(url, {"name": "VIPs", "seen": seen, **theirs}).status_code == 302, "it says the same"


def test_two_tabs_with_one_name_make_one_audience(account):
    forms = [AudienceForm({"name": "VIPs"}, audience=Audience(account=account)) for _ in range(2)]
    assert all(form.is_valid() for form in forms)  # both looked before either stored
    assert [form.save({}) for form in forms] == [True, False]
    assert "of this name already" in str(forms[1].errors["name"])
    assert Audience.objects.count() == 1


def test_rules_change_their_shape(csr):
    def shape(**data):
        return csr.post("/audiences/shape/", data).content.decode()

    assert 'name="r-0-field"' in shape(edit="rule:")
    nested = shape(edit="group:0", **{"r-0-match": "any", "r-0-0-field": "city", "r-0-0-is": "known"})
    assert 'name="r-0-1-match"' in nested and 'name="r-0-1-0-field"' in nested
    job = shape(edit="of.job:")
    assert 'value="job.type"' in job and "Has no job with all of these" in job
    assert 'value="tag"' not in job, "inside a job only a job is asked about"
    left = shape(edit="remove:0", **condition("0", "city", "known"), **condition("1", "tag", "any_of"))
    assert 'name="r-1-field"' not in left and re.search(r'value="tag"\s+selected', left)
    other = shape(**{**condition("0", "last_job", "any_of", value="3"), "r-0-was": "tag"})
    assert 'name="r-0-n"' in other, "another field chosen: its own comparison and an empty value"
    assert (
        'name="r-0-field"' not in shape(edit="remove:7")
        and shape(edit="rule:9-9" + "9" * 5000)
        and shape(edit="of.planet:")
    )


def test_a_copy_begins_with_the_rules_and_default_exclusions_with_a_new_audience(account, csr):
    audience = Audience.objects.create(account=account, name="Homes", rules={"kind": "residential"})
    page = csr.get(f"/audiences/new/?copy={audience.pk}").content.decode()
    assert 'value="Copy of Homes"' in page and re.search(r'value="kind"\s+selected', page)
    assert "checked" in page and 'name="exclusions" value="recall" checked' not in page
    new = csr.get("/audiences/new/").content.decode()
    for key in EXCLUSIONS:
        assert f'name="exclusions" value="{key}" checked' in new
    stranger = Audience.objects.create(account=make_account(), name="Others")
    assert csr.get(f"/audiences/new/?copy={stranger.pk}").status_code == 404


def test_thousands_of_choices_are_offered_some_at_a_time_and_found_by_name(account, csr):
    tags = [Tag(account=account, servicetitan_id=n, name=f"Tag {n:04}") for n in range(1, 301)]
    Tag.objects.bulk_create(tags)
    far = Tag.objects.get(name="Tag 0299")
    Tag.objects.create(account=make_account("Other"), servicetitan_id=1, name="Tag 0299 of others")
    rules = {"match": "all", "rules": [{"field": "tag", "is": "any_of", "value": [far.pk]}]}
    audience = Audience.objects.create(account=account, name="VIPs", rules=rules)
    page = csr.get(f"/audiences/{audience.pk}/").content.decode()
    assert page.count('name="r-0-value"') == 51 and f'value="{far.pk}" checked' in page
    assert "And 249 more" in page and 'type="search"' in page
    asked = {"field": "tag", "at": "r-0", "q": "TAG 01", "r-0-value": [far.pk]}
    found = csr.post("/audiences/choices/", asked).content.decode()
    assert found.count("checkbox") == 51 and "And 50 more" in found and f'value="{far.pk}" checked' in found
    nothing = csr.post("/audiences/choices/", {"field": "tag", "at": "r-0", "q": "zebra%"}).content.decode()
    assert "Nothing else has “zebra%”" in nothing and "checkbox" not in nothing
    for odd in ({"field": "city", "at": "r-0"}, {"field": "tag", "at": "x"}, {}):
        assert csr.post("/audiences/choices/", odd).status_code == 204


def test_who_may_only_look_sees_words_count_and_sample(account):
    people.contact(account, name="Ann")
    people.contact(account, name="Bob", kind="commercial")
    audience = Audience.objects.create(account=account, name="Homes", rules={"kind": "residential"})
    agent = signed_in(make_member(account, Role.AGENT))
    page = agent.get(f"/audiences/{audience.pk}/").content.decode()
    assert "Kind of customer: residential" in page and "Save the audience" not in page
    rules = unescape(re.search(r'name="rules" value="([^"]*)"', page)[1])
    details = agent.post("/audiences/details/", {"rules": rules}).content.decode()
    assert "Ann" in details and "Bob" not in details
    for unreadable in ("{", "[" * 100_000):
        odd = {"rules": unreadable, "audience": "9" * 5000}
        assert agent.post("/audiences/details/", odd).status_code == 204
    assert agent.post("/audiences/shape/", {"edit": "rule:"}).status_code == 403


def test_every_rule_says_whom_it_takes_away_and_lists_them(account, csr):
    for name, kind, days in (
        ("Ann", "residential", 400), ("Bob", "commercial", 400), ("Cy", "residential", 10),
        ("Dee", "commercial", 5), ("Eve", "residential", 800),
    ):  # fmt: skip
        one = people.contact(account, name=name, kind=kind, last_job_at=NOON - timedelta(days=days))
        people.job(one, status="Scheduled" if name == "Eve" else "Completed")
    people.contact(account, name="Gone", active=False)
    rules = {"match": "all", "exclusions": ["open_job"], "rules": [
        {"field": "kind", "is": "any_of", "value": ["residential"]},
        {"field": "last_job", "is": "more_ago", "value": {"n": 11, "unit": "months"}},
    ]}  # fmt: skip
    everybody, found = effects.of_rules(account, rules, now=NOON)
    said = [(one.words, one.removed) for one in found]
    assert (everybody, said) == (5, [
        ("Kind of customer: residential", 2),
        ("Last job more than 11 months ago", 1),
        ("An open or scheduled job", 1),
    ])  # fmt: skip
    assert segments.count(account, rules, now=NOON) == 1 == everybody - sum(one.removed for one in found)
    taken = [segments.contacts(account, one.rules, now=NOON).values_list("name", flat=True) for one in found]
    assert [sorted(names) for names in taken] == [["Bob", "Dee"], ["Cy"], ["Eve"]]
    assert segments.describe(account, found[2].rules)[-1] == "An open or scheduled job"
    details = csr.post("/audiences/details/", condition("0", "kind", "any_of", value="residential"))
    links = re.findall(r'href="(/contacts/[^"]*)"[^>]*>[^<]*<data value="(\d+)"', details.content.decode())
    assert [number for _, number in links] == ["5", "2"]
    for link, number in links:
        assert f">{number} contacts</p>" in csr.get(unescape(link)).content.decode()


def test_what_is_off_says_whom_it_would_leave_out(account, csr, monkeypatch):
    for name, days, status in (("Ann", 400, "Completed"), ("Bob", 400, "Scheduled"), ("Cy", 9, "Scheduled")):
        one = people.contact(account, name=name, last_job_at=NOON - timedelta(days=days))
        people.job(one, status=status)
    people.contact(account, name="Dee", last_job_at=NOON - timedelta(days=400), do_not_service=True)
    idle = {"field": "last_job", "is": "more_ago", "value": {"n": 11, "unit": "months"}}
    rules = {"match": "all", "exclusions": ["do_not_service"], "rules": [idle]}
    found = {one.exclusion: one for one in effects.of_those_off(account, rules, now=NOON)}
    assert set(found) == set(EXCLUSIONS) - {"do_not_service"}
    removed = {key: one.removed for key, one in found.items() if one.removed}
    assert removed == {"open_job": 1}, "Cy is not left"
    for one in found.values():
        listed = segments.contacts(account, one.rules, now=NOON).values_list("name", flat=True)
        assert len(listed) == one.removed and set(listed) <= {"Bob"}
    assert effects.of_those_off(account, {**rules, "exclusions": list(EXCLUSIONS)}, now=NOON) == []
    typed = condition("0", "last_job", "more_ago", n="11", unit="months") | {"exclusions": "do_not_service"}
    page = unescape(csr.post("/audiences/details/", typed).content.decode())
    assert '{"off": "1"}' in page
    page += unescape(csr.post("/audiences/details/", typed | {"off": "1"}).content.decode())
    told = dict(re.findall(r'hx-target="#([^"]*)"[^>]*>(.*?)</hx-partial>', page))
    said = {place: re.sub("<[^>]*>", "", words) for place, words in told.items()}
    assert said["r-0-effect"] == "Takes away −1" and "r-effect" not in said
    assert said["left-out-do_not_service"] == "leaves out 1"
    assert said["left-out-open_job"] == "would leave out 1" and said["left-out-recall"].endswith("nobody")
    (link,) = re.findall('href="([^"]*)"', told["left-out-open_job"])
    assert ">1 contact</p>" in csr.get(link).content.decode()

    def late(*args, **kwargs):
        raise counting.TakesLonger(5)

    monkeypatch.setattr(effects, "of_those_off", late)
    assert csr.post("/audiences/details/", typed | {"off": "1"}).status_code == 204
    typed["exclusions"] = list(EXCLUSIONS)
    assert '{"off": "1"}' not in unescape(csr.post("/audiences/details/", typed).content.decode())


def test_where_one_of_several_rules_is_enough_they_are_told_together(account, csr):
    for kind in ("residential", "commercial"):
        people.contact(account, kind=kind)
    typed = condition("0", "kind", "any_of", value="commercial") | {"r-match": "any"}
    page = unescape(csr.post("/audiences/details/", typed).content.decode())
    assert 'hx-target="#r-effect"' in page and 'hx-target="#r-0-effect"' not in page
    assert 'id="r-effect"' in csr.post("/audiences/shape/", typed).content.decode()


def test_each_rule_is_asked_once_of_a_contact_however_many_follow(account):
    rules = {"match": "all", "rules": [], "exclusions": ["open_job", "recall", "open_estimate"]}
    with CaptureQueriesContext(connection) as queries:
        effects.of_rules(account, rules, now=NOON)
    (query,) = [one["sql"] for one in queries if "CASE WHEN" in one["sql"]]
    plan = sql.column(f"EXPLAIN {query}")
    assert sum(line.strip().startswith("SubPlan") for line in plan) == 3


@pytest.mark.parametrize("match", ["all", "any", "none"])
def test_effects_add_up_to_the_count(account, match):
    for i in range(6):
        people.contact(
            account, kind=["residential", "commercial"][i % 2], city=["", "Berlin", "Bergen"][i % 3]
        )
    rules = {"match": match, "rules": [
        {"field": "kind", "is": "any_of", "value": ["residential"]},
        {"field": "city", "is": "is", "value": ["Berlin"]},
    ]}  # fmt: skip
    everybody, found = effects.of_rules(account, rules, now=NOON)
    assert everybody - sum(one.removed for one in found) == segments.count(account, rules)
    assert effects.of_rules(account, {}, now=NOON) == (6, [])


def test_the_builders_count_is_what_a_launch_enrolls_plus_what_it_lists_as_excluded():
    account = factories.make_account()
    number, version = factories.make_number(account), factories.make_workflow(account)
    for i in range(12):
        one = factories.make_contact(
            account, phone=f"+1312555{110 + i // 2:04}", kind="residential" if i % 3 else "commercial"
        )
        if i == 4:
            Job.objects.create(account=account, servicetitan_id=1, status="Scheduled",
                               servicetitan_customer_id=one.servicetitan_customer_id)  # fmt: skip
        if i == 7:
            factories.phone_of(one).opt_outs.create(account=account, channel="phone", source="agent")
    homes = Audience.objects.create(account=account, name="Homes", rules={"kind": "residential"})
    rules = builder.fresh()
    rules["rules"] = [{"field": "audience", "is": "any_of", "value": [homes.pk]}]
    audience = Audience.objects.create(account=account, name="Idle homes", rules=rules)
    now = clock.now()
    counted = segments.count(account, rules, now=now)
    draft = launching.Draft(name="Fall", version=version, audience=audience, number=number)
    campaign = launching.launch(account, draft, by=None, now=now)
    Audience.objects.filter(pk=homes.pk).update(rules={"kind": "commercial"})
    intake = enrolling.enroll(campaign, now=now)
    enrolled = Enrollment.objects.filter(campaign=campaign).count()
    excluded = Exclusion.objects.filter(campaign=campaign).count()
    assert counted == 7 == intake.matched == enrolled + excluded
    assert 0 < enrolled < counted, "phones are shared, and one opted out"
    assert "open_job" in json.dumps(campaign.audience_rules) and "Homes" in json.dumps(
        campaign.audience_rules
    )
