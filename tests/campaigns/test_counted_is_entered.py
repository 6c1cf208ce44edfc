"""What the builder counts is who enters a launch at the same instant, and whom it lists as excluded."""

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences import consent, segments
from audiences.models import Address, Audience, ContactAddress, OptOut
from audiences.rules import builder
from campaigns import enrolling, launching
from campaigns.models import Enrollment, Exclusion
from tests import factories
from tests.audiences import rule_worlds
from tests.audiences.people import NOON
from tests.audiences.rule_strategies import trees_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    """People of whom some share a phone, some have none, and some opted out."""
    found = rule_worlds.make(150, seed=11)
    consent.declare_simulated(found.account)
    phones = Address.objects.bulk_create(
        Address(account=found.account, channel="phone", value=f"+131255501{n:02}") for n in range(90)
    )
    ContactAddress.objects.bulk_create(
        ContactAddress(contact=person.row, address=phones[n * 2 // 3], do_not_text=n % 17 == 0)
        for n, person in enumerate(found.people[:135])
    )
    OptOut.objects.bulk_create(
        OptOut(account=found.account, address=phone, channel="phone", source="agent", at=NOON)
        for phone in phones[::9]
    )
    return found


def test_a_launch_enters_or_lists_as_excluded_exactly_whom_the_builder_counts(world):
    account, seen = world.account, []
    number, version = factories.make_number(account), factories.make_workflow(account)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(trees_of(world), st.one_of(st.just({}), trees_of(world)))
    def agree(rules, targeting):
        with transaction.atomic():
            audience = Audience.objects.create(account=account, name="Drawn", rules=rules)
            whole = builder.within(audience.pk, targeting or builder.nothing())
            counted = segments.count(account, whole, now=NOON)
            draft = launching.Draft("Drawn", version, audience, number, targeting=targeting)
            if counted == 0:
                with pytest.raises(launching.LaunchRefused, match="Nobody in this audience"):
                    launching.launch(account, draft, by=None, now=NOON)
            else:
                campaign = launching.launch(account, draft, by=None, now=NOON)
                Audience.objects.filter(account=account).update(rules={"kind": "commercial"})
                enrolling.enroll(campaign, now=NOON)
                entered = Enrollment.objects.filter(campaign=campaign).values_list("contact", flat=True)
                listed = Exclusion.objects.filter(campaign=campaign).values_list("contact", flat=True)
                assert counted == len(entered) + len(listed) == len({*entered, *listed})
                seen.append((len(entered), len(listed)))
            transaction.set_rollback(True)

    agree()
    assert sum(entered > 0 and listed > 0 for entered, listed in seen) > 5, "both kinds were there"
