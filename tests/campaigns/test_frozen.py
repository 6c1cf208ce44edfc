"""What was published never changes: the database refuses, whoever asks."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from campaigns.models import Edge, Node, WorkflowVersion
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def published():
    return factories.make_workflow(factories.make_account())


def draft_beside(version):
    return factories.make_workflow(
        version.workflow.account,
        nodes=[("text", "send_sms", {"body": "Hi"}), ("end", "end", {})],
        edges=[("text", "next", "end")],
        publish=False,
        workflow=version.workflow,
    )


def refused(act) -> bool:
    try:
        with transaction.atomic():
            act()
    except IntegrityError as error:
        return "published and never changes" in str(error)
    return False


@pytest.mark.parametrize("model", [Node, Edge])
def test_nothing_of_a_published_version_changes_leaves_or_joins(published, model):
    draft = draft_beside(published)
    inside = model.objects.filter(version=published)
    assert refused(lambda: inside.update(version=draft))
    assert refused(lambda: model.objects.filter(version=draft).update(version=published))
    assert refused(lambda: Edge.objects.filter(version=published)[:1].get().delete())
    assert refused(lambda: Node.objects.filter(version=published).update(settings={}))


@pytest.mark.parametrize("change", [{"published_at": None}, {"number": 9}])
def test_a_published_version_is_neither_taken_back_nor_changed(published, change):
    row = WorkflowVersion.objects.filter(pk=published.pk)
    assert refused(lambda: row.update(**change))
    assert refused(lambda: row._raw_delete(row.db))


def test_who_made_a_published_version_may_be_forgotten(published):
    somebody = User.objects.create(email="a@b.example")
    row = WorkflowVersion.objects.filter(pk=published.pk)
    assert row.update(created_by=somebody) == row.update(created_by=None) == 1


def test_a_draft_changes_freely_and_may_be_thrown_away(published):
    draft = draft_beside(published)
    assert Node.objects.filter(version=draft).update(name="Other") == 2
    assert Edge.objects.filter(version=draft).delete()[0] == 1
    draft.delete()
    assert list(WorkflowVersion.objects.all()) == [published]
