"""Rules mean what they say, and nothing ever means everybody by accident."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from audiences import segments
from audiences.models import ContactTag, JobTag, Location, LocationTag
from tests.audiences import people
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db


def names(account, rules, targeting=None):
    found = segments.contacts(account, rules, targeting, now=NOON)
    assert found.count() == segments.count(account, rules, targeting, now=NOON)
    return sorted(found.values_list("name", flat=True))


def test_no_rules_is_every_active_contact_of_this_account():
    account, other = people.account(), people.account("other")
    people.contact(account, name="Ann")
    people.contact(account, name="Gone", active=False)
    people.contact(other, name="Stranger")
    assert names(account, {}) == ["Ann"] == names(account, None) == names(account, {"tags": [], "kind": None})
    assert segments.describe(account, {}) == ["All active contacts"]


def test_each_field_narrows():
    account = people.account(timezone="America/Chicago")
    hvac, plumbing = people.unit(account), people.unit(account, "Plumbing")
    tuneup, vip = people.job_type(account), people.tag(account)
    ann = people.contact(account, name="Ann", last_job_at=NOON - timedelta(days=400))
    people.job(ann, hvac, tuneup)
    people.job(ann, hvac, tuneup)  # two jobs must not make two rows
    ContactTag.objects.create(contact=ann, tag=vip)
    bob = people.contact(account, name="Bob", kind="commercial", last_job_at=NOON - timedelta(days=10))
    people.job(bob, plumbing)
    people.contact(account, name="Cy")  # never had a job
    assert names(account, {"business_units": [hvac.pk]}) == ["Ann"]
    assert names(account, {"business_units": [hvac.pk, plumbing.pk]}) == ["Ann", "Bob"]
    assert names(account, {"job_types": [tuneup.pk]}) == ["Ann"]
    assert names(account, {"tags": [vip.pk]}) == ["Ann"]
    assert names(account, {"without_tags": [vip.pk]}) == ["Bob", "Cy"]
    assert names(account, {"kind": "commercial"}) == ["Bob"]
    assert names(account, {"days_since_last_job_min": 365}) == ["Ann"]
    assert names(account, {"days_since_last_job_max": 30}) == ["Bob"]
    assert names(account, {"last_job_before": "2026-11-01"}) == ["Ann"]
    assert names(account, {"last_job_after": "2026-11-01"}) == ["Bob"]
    assert names(account, {"business_units": [hvac.pk]}, {"kind": "commercial"}) == []


def test_tags_of_jobs_and_of_service_locations_are_asked_of_these():
    account = people.account()
    gold, slab = people.tag(account, "Gold"), people.tag(account, "Slab")
    ann, bob = people.contact(account, name="Ann"), people.contact(account, name="Bob")
    JobTag.objects.create(job=people.job(ann), tag=gold)
    people.job(bob)
    place = Location.objects.create(
        account=account, servicetitan_id=1, servicetitan_customer_id=bob.servicetitan_customer_id
    )
    LocationTag.objects.create(location=place, tag=slab)

    def having(of, tag, match="all"):
        asked = [{"field": f"{of}.tag", "is": "any_of", "value": [tag.pk]}]
        return {"match": "all", "rules": [{"match": match, "of": of, "rules": asked}]}

    assert names(account, having("job", gold)) == ["Ann"]
    assert names(account, having("job", gold, "none")) == ["Bob"]
    assert names(account, having("location", slab)) == ["Bob"]
    assert names(account, having("location", gold)) == []
    slab.active = False
    slab.save()
    with pytest.raises(segments.InvalidRules, match="deleted in ServiceTitan"):
        names(account, having("location", slab))


def test_cancelled_and_deleted_jobs_are_no_jobs():
    account = people.account()
    hvac, tuneup = people.unit(account), people.job_type(account)
    people.job(people.contact(account, name="Ann"), hvac, tuneup, status="Canceled")
    people.job(people.contact(account, name="Bob"), hvac, tuneup, active=False)
    people.job(people.contact(account, name="Cy"), hvac, tuneup, status="Scheduled")
    assert names(account, {"business_units": [hvac.pk]}) == ["Cy"]
    assert names(account, {"job_types": [tuneup.pk]}) == ["Cy"]


def test_a_date_begins_at_company_midnight():
    account = people.account(timezone="America/Chicago")
    people.contact(
        account, name="Late", last_job_at=datetime(2026, 6, 2, 4, 59, tzinfo=UTC)
    )  # 23:59 on the 1st
    people.contact(account, name="Next", last_job_at=datetime(2026, 6, 2, 5, 0, tzinfo=UTC))
    assert names(account, {"last_job_before": "2026-06-02"}) == ["Late"]
    assert names(account, {"last_job_after": "2026-06-02"}) == ["Next"]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"postcode": 1}, "“postcode” is not a rule"),
        ({"tags": [987654]}, "does not exist any more"),
        ({"last_job_before": "soon"}, "Last job: "),
        ({"days_since_last_job_min": -1}, "Last job: "),
        ({"kind": "giant"}, "Kind of customer"),
    ],
)
def test_rules_without_a_meaning_are_refused(rules, words):
    account = people.account()
    people.contact(account)
    assert words in " ".join(segments.validate(account, rules))
    for call in (segments.contacts, segments.count, segments.compile_ids):
        with pytest.raises(segments.InvalidRules, match=words):
            call(account, rules)
        with pytest.raises(segments.InvalidRules, match=words):
            call(account, {}, rules)


def test_deleted_tag_is_an_error_and_another_accounts_row_too():
    account, other = people.account(), people.account("other")
    gone, theirs = people.tag(account, "Old", active=False), people.unit(other)
    assert segments.validate(account, {"tags": [gone.pk]}) == ["The tag “Old” was deleted in ServiceTitan."]
    assert segments.validate(account, {"business_units": [theirs.pk]})
    assert segments.describe(account, {"tags": [gone.pk]}) == ["The tag “Old” was deleted in ServiceTitan."]


def test_description_names_the_rows():
    account = people.account()
    vip = people.tag(account)
    rules = {"tags": [vip.pk], "last_job_before": "2026-06-02", "days_since_last_job_min": 30}
    assert segments.describe(account, rules) == [
        "Tag: VIP",
        "Last job before Jun 2, 2026",
        "Last job more than 30 days ago",
    ]


def test_compiled_text_may_be_continued():
    account = people.account()
    ids = sorted(people.contact(account).pk for _ in range(3))
    sql, params = segments.compile_ids(account, {})
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} AND c.id > %s ORDER BY c.id LIMIT 1", [*params, ids[0]])
        assert cursor.fetchall() == [(ids[1],)]
