"""Trees of rules mean in SQL what they mean to a person: whatever Hypothesis thinks of, the same people."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from audiences import derived_contacts, segments
from audiences.models import Appointment, Audience, ContactAddress, Estimate, Invoice, Job
from audiences.rules import compiling, reading, trees
from audiences.rules.fields import FIELDS, SOURCES
from audiences.rules.operators import fitting
from common import sql
from tests.audiences import people, rule_worlds
from tests.audiences.people import NOON
from tests.audiences.rule_strategies import rows_of, trees_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    return rule_worlds.make(500)


def test_sql_and_plain_evaluation_agree(world):
    seen = set()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(trees_of(world))
    def agree(tree):
        found = set(segments.contacts(world.account, tree, now=NOON).values_list("pk", flat=True))
        assert found == rule_worlds.names(world, tree), segments.describe(world.account, tree)
        again = trees.write(reading.typed(tree)[0])
        assert segments.count(world.account, again, now=NOON) == len(found), "stored, it means the same"
        frozen = segments.frozen(world.account, tree)
        assert segments.count(world.account, frozen, now=NOON) == len(found), "frozen, it means the same"
        assert segments.describe(world.account, tree)
        seen.add(len(found))

    agree()
    assert len(seen) > 15, "the trees tell people apart"


def test_a_visit_kept_beside_the_contact_says_what_the_visits_say(world):
    """Whenever it was noted: before visits that have begun since, or never."""
    without = {"match": "all", "rules": [], "exclusions": ["recent_visit"]}
    expected = rule_worlds.names(world, without)
    assert 50 < len(expected) < 400
    assert _left(world, without) == expected
    world.account.contacts.update(visits_noted_at=None, visited_at=None, next_visit_at=None)
    assert _left(world, without) == expected, "nobody has looked yet"
    while derived_contacts.count_next_jobs(NOON - 3 * rule_worlds.DAY):
        pass
    assert not world.account.contacts.filter(visits_noted_at=None).exists()
    assert _left(world, without) == expected
    begun = world.account.contacts.filter(next_visit_at__lte=NOON - rule_worlds.DAY)
    assert begun.exists()
    while derived_contacts.note_begun_visits(NOON):
        pass
    assert not begun.exists() and _left(world, without) == expected
    Appointment.objects.all().delete()
    Job.objects.all().delete()
    assert _left(world, without) == expected, "nothing else is looked at any more"


def _left(world, rules):
    return set(segments.contacts(world.account, rules, now=NOON).values_list("pk", flat=True))


def test_every_field_and_comparison_is_sql(world):
    """All that apps declare, the ones above audiences included, of all contacts and one by one; with the
    opposite of each."""
    for key, field in FIELDS.items():
        for op, operator in fitting(field).items():
            if key == reading.INCLUDES:
                continue  # stands for other rules
            rows = rows_of(world).get(field.model)
            value = [rows[0].pk if rows else 0] if field.model else _example(field, op)
            rule = {"field": key, "is": op} | ({} if operator.value is None else {"value": value})
            tree = {"match": "all", "rules": [{"match": "all", "of": field.scope, "rules": [rule]}]}
            assert _found(world, tree) == _found(world, tree, one_by_one=True)
            if operator.opposite and not field.of:
                same = {"match": "none", "rules": [{**rule, "is": operator.opposite}]}
                assert _found(world, tree) == _found(world, same)


def _found(world, rules, *, one_by_one=False):
    """Whom the rules find, though they may name rows that do not exist."""
    group, problems = trees.read(rules)
    assert not problems
    where = compiling.where(group, world.account, NOON, one_by_one=one_by_one)
    query = f"SELECT c.id FROM audiences_contact c WHERE c.account_id = %s AND ({where.text})"
    return set(sql.column(query, [world.account.pk, *where.params]))


def _example(field, op):
    if field.options:
        return [next(iter(field.options))]
    if op in ("is", "is_not", "starts", "contains"):
        return ["a"]
    if op in ("before", "since"):
        return "2026-01-01"
    return 1 if op in ("at_least", "at_most") else {"n": 11, "unit": "months"}


def test_one_row_must_meet_all_that_is_asked_of_it():
    account = people.account()
    west, install = people.unit(account, "West"), people.job_type(account, "Install")
    both, apart = people.contact(account, name="Both"), people.contact(account, name="Apart")
    people.job(both, west, install)
    people.job(apart, west)
    people.job(apart, None, install)
    asked = [{"field": "job.unit", "is": "any_of", "value": [west.pk]},
             {"field": "job.type", "is": "any_of", "value": [install.pk]}]  # fmt: skip

    def found(match):
        tree = {"match": "all", "rules": [{"match": match, "of": "job", "rules": asked}]}
        return sorted(segments.contacts(account, tree).values_list("name", flat=True))

    assert (found("all"), found("any"), found("none")) == (["Both"], ["Apart", "Both"], ["Apart"])


BROKEN = [
    ({"match": "all", "rules": [{"match": "any", "rules": []}]}, (0,), "no rule yet"),
    ({"match": "some", "rules": []}, (), "all, any or none"),
    ({"match": "all", "rules": [{"field": "planet", "is": "any_of", "value": ["Mars"]}]}, (0,), "“planet”"),
    ({"match": "all", "rules": [{"field": "", "is": ""}]}, (0,), "Choose what this rule asks"),
    ({"match": "all", "rules": [{"field": "kind", "is": "at_least", "value": 3}]}, (0,), "how it compares"),
    ({"match": "all", "rules": [{"field": "kind", "is": "any_of", "value": []}]}, (0,), "at least one"),
    ({"match": "all", "rules": [{"field": "kind", "is": "any_of", "value": ["giant"]}]}, (0,), "“giant”"),
    ({"match": "all", "rules": [{"field": "last_job", "is": "more_ago", "value": {"n": 101, "unit": "years"}}
    ]},
     (0,), "100 years"),
    ({"match": "all", "rules": [{"field": "job.open", "is": "yes"}]}, (0,), "does not belong in this group"),
    ({"match": "all", "rules": [{"match": "all", "of": "planet", "rules": []}]}, (0,), "“planet”"),
    ({"match": "all", "rules": [{"match": "all", "of": "job", "rules": [
        {"match": "all", "of": "visit", "rules": []}]}]}, (0, 0), "Move it out"),
    ({"match": "all", "rules": [{"field": "tag", "is": "none_of", "value": [987654]}]}, (0,), "any more"),
    ({"match": "all", "rules": [], "exclusions": ["planet"]}, (), "“planet”"),
    ({"match": "all", "rules": "all"}, (), "cannot be read"),
    ({"match": "all", "rules": ["kind"]}, (0,), "cannot be read"),
    ({"match": "all", "rules": [{"field": "kind", "is": "any_of", "value": ["residential"]}] * 301},
     (), "300 rules"),
    ({"match": "all", "rules": [{"field": "name", "is": [], "value": ["Ann"]}]}, (0,), "how it compares"),
    ({"match": "all", "rules": [{"field": "name", "is": "is", "value": ["Ann\0"]}]}, (0,), "cannot be kept"),
    *(({"match": "all", "rules": [{"field": "last_job", "is": "more_ago", "value": {"n": n}}]}, (0,), words)
      for n, words in (("36501", "type 36,500 or less"), ("1.5", "a whole number"), (-1, "0 or more"))),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "path", "words"), BROKEN)
def test_what_has_no_meaning_is_told_and_is_never_everybody(rules, path, words):
    account = people.account()
    people.contact(account)
    (problem,) = segments.problems(account, rules)
    assert problem.path == path and words in problem.words
    with pytest.raises(segments.InvalidRules):
        segments.count(account, rules)
    assert segments.frozen(account, rules) == rules
    assert segments.describe(account, rules) == [problem.words]


def test_an_audience_in_another_follows_it_until_it_is_frozen():
    account = people.account()
    people.contact(account, name="Ann")
    people.contact(account, name="Bob", kind="commercial")
    homes = segments_audience(account, "Homes", {"kind": "residential"})
    rules = {"match": "all", "rules": [{"field": "audience", "is": "any_of", "value": [homes.pk]}]}
    frozen = segments.frozen(account, rules)
    assert (segments.count(account, rules), segments.count(account, frozen)) == (1, 1)
    assert segments.describe(account, frozen) == ["In the audience “Homes”"]
    homes.rules = {}
    homes.save()
    assert (segments.count(account, rules), segments.count(account, frozen)) == (2, 1)
    assert segments.describe(account, rules) == ["Audience: Homes"]
    others = {"match": "all", "rules": [{"field": "audience", "is": "none_of", "value": [homes.pk]}]}
    assert segments.count(account, others) == 0
    homes.rules = {"planet": 1}
    homes.save()
    assert "“Homes” needs correcting first" in segments.validate(account, rules)[0]


def test_audiences_do_not_go_round_in_a_circle():
    account = people.account()
    one, two = segments_audience(account, "One", {}), segments_audience(account, "Two", {})
    for audience, other in ((one, two), (two, one)):
        audience.rules = {
            "match": "all",
            "rules": [{"field": "audience", "is": "any_of", "value": [other.pk]}],
        }
        assert bool(segments.validate(account, audience.rules, audience=audience.pk)) == (audience is two)
        audience.save()
    assert "part of itself" in segments.validate(account, one.rules)[0]
    with pytest.raises(segments.InvalidRules):
        segments.count(account, two.rules)


def test_what_several_audiences_ask_together_can_still_be_read_once_it_is_frozen():
    account = people.account()
    people.contact(account, name="Ann")
    name = {"field": "name", "is": "is", "value": ["Ann"]}
    rules = {"match": "all", "rules": [name] * 90}
    for _ in range(3):
        rules = {"match": "any", "rules": [rules]}
    many = segments_audience(account, "Many", rules)
    within = {"field": "audience", "is": "any_of", "value": [many.pk]}
    for _ in range(3):
        within = {"match": "all", "rules": [within]}
    wanted = {"match": "all", "rules": [within] * 3}
    assert segments.validate(account, wanted) == []
    frozen = segments.frozen(account, wanted)
    assert segments.count(account, frozen) == 1 and "audience" not in str(frozen).replace("name", "")
    assert "more than 300 rules" in segments.validate(account, {"match": "all", "rules": [within] * 4})[0]


def test_audiences_that_name_each_other_many_times_end_soon(django_assert_max_num_queries):
    account = people.account()
    rules = {}
    for level in range(12):  # ten to the twelfth rules, were they all put in
        inner = segments_audience(account, f"Level {level}", rules)
        rules = {
            "match": "all", "rules": [{"field": "audience", "is": "any_of", "value": [inner.pk]}] * 10
        }  # fmt: skip
    with django_assert_max_num_queries(400):
        (problem, *_) = segments.problems(account, rules)
    assert "more than 300 rules" in problem.words


def test_open_estimates_and_overdue_balances_are_left_out():
    account = people.account()
    ann, bob, cy = (people.contact(account, name=name) for name in ("Ann", "Bob", "Cy"))
    for n, (one, status, due, balance) in enumerate((
        (ann, "Open", NOON + timedelta(days=1), 80), (bob, "Sold", NOON - timedelta(days=1), "0.01"),
        (cy, "Dismissed", NOON - timedelta(days=1), 0),
    )):  # fmt: skip
        mine = {
            "account": account,
            "servicetitan_id": n,
            "servicetitan_customer_id": one.servicetitan_customer_id,
        }
        Estimate.objects.create(status=status, created_on=NOON, **mine)
        Invoice.objects.create(balance=balance, due_at=due, **mine)
    for key, left in (("open_estimate", ["Bob", "Cy"]), ("overdue_balance", ["Ann", "Cy"])):
        found = segments.contacts(account, {"match": "all", "rules": [], "exclusions": [key]}, now=NOON)
        assert sorted(found.values_list("name", flat=True)) == left


def test_a_phone_that_anybody_flagged_do_not_text_is_none_for_texts():
    account = people.account()
    ann, bob, cy = (people.contact(account, name=name) for name in ("Ann", "Bob", "Cy"))
    shared = people.phone(ann)
    people.phone(bob, value=shared.value, do_not_text=True)
    people.phone(cy)
    rules = {"match": "all", "rules": [{"field": "mobile", "is": "yes"}]}
    assert [one.name for one in segments.contacts(account, rules, now=NOON)] == ["Cy"]
    ContactAddress.objects.update(do_not_text=False)
    found = segments.contacts(account, rules, now=NOON)
    assert sorted(one.name for one in found) == ["Ann", "Bob", "Cy"]


def segments_audience(account, name, rules):
    return Audience.objects.create(account=account, name=name, rules=rules)


def test_default_exclusions_leave_out_whom_they_name():
    account = people.account()
    for name, job in {
        "Open": {"status": "Scheduled"},
        "Visited": {"completed_on": NOON - timedelta(days=29)},
        "Long ago": {"completed_on": NOON - timedelta(days=31)},
        "Recall": {"created_on": NOON - timedelta(days=59), "recall_for_servicetitan_id": 1},
        "Old recall": {"created_on": NOON - timedelta(days=61), "recall_for_servicetitan_id": 1},
        "Cancelled": {"status": "Canceled"},
    }.items():
        people.job(people.contact(account, name=name), **job)
    people.contact(account, name="Never", do_not_service=True)
    keys = ["open_job", "recent_visit", "recall", "do_not_service"]
    found = segments.contacts(account, {"match": "all", "rules": [], "exclusions": keys}, now=NOON)
    assert sorted(found.values_list("name", flat=True)) == ["Cancelled", "Long ago", "Old recall"]
    for key, name in zip(keys, ("Open", "Visited", "Recall", "Never"), strict=True):
        one = segments.contacts(account, {"match": "all", "rules": [], "exclusions": [key]}, now=NOON)
        assert name not in one.values_list("name", flat=True) and one.count() == 6


def test_words_say_what_is_asked():
    account = people.account()
    install, vip = people.job_type(account, "Install"), people.tag(account)
    tree = {"match": "all", "exclusions": ["open_job", "recall"], "rules": [
        {"field": "last_job", "is": "more_ago", "value": {"n": 11, "unit": "months"}},
        {"match": "any", "rules": [
            {"field": "tag", "is": "none_of", "value": [vip.pk]}, {"field": "do_not_service", "is": "no"}]},
        {"match": "none", "of": "job", "rules": [
            {"field": "job.type", "is": "any_of", "value": [install.pk]},
            {"field": "job.date", "is": "in_last", "value": {"n": 1, "unit": "years"}}]},
        {"field": "revenue", "is": "at_least", "value": 1500},
    ]}  # fmt: skip
    assert segments.describe(account, tree) == [
        "Last job more than 11 months ago",
        "Any of: Tag is none of VIP; Not: marked “do not service”",
        "Has no job with job type: Install and done, or made where it is open within the last 1 year",
        "Worth of all jobs is at least $1,500",
        "Left out: an open or scheduled job and a recall in the last 60 days",
    ]
    assert SOURCES and segments.describe(account, {"match": "all", "rules": []}) == ["All active contacts"]
