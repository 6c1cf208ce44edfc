"""Whose turn it is: neither many contacts nor many nodes nor many campaigns get anybody more turns."""

from collections import Counter
from threading import Thread

import pytest
from django.db import connection

from campaigns import engine, enrolling, launching, scheduling
from campaigns.models import Campaign, Step
from campaigns.scheduling import DueNode
from common import clock
from common.turns import Turns
from tests import factories
from tests.campaigns.test_engine import launch

ONE_LOOK = 1e-9  # seconds: the first look of a loop always happens
ARMS = [f"arm_{letter}" for letter in "abcdefgh"]


def due(campaign: int, account: int, nodes: int) -> list[DueNode]:
    return [DueNode(campaign, account, 1, 1000 * campaign + node) for node in range(nodes)]


def served(waiting: list[DueNode], looks: int) -> list[DueNode]:
    """Who gets a turn in so many looks of one worker, where everybody always has more to do."""
    turns = Turns()
    return [node for _ in range(looks) for node in scheduling.next_turns(waiting, turns)]


def test_campaigns_of_an_account_have_as_many_turns_whatever_their_nodes():
    turns = Counter(node.campaign_id for node in served(due(1, 1, nodes=30) + due(2, 1, nodes=1), looks=20))
    assert turns == {1: 10, 2: 10}


def test_accounts_have_as_many_turns_whatever_their_campaigns():
    waiting = [node for campaign in range(1, 31) for node in due(campaign, 1, nodes=2)] + due(99, 2, nodes=1)
    order = served(waiting, looks=30)
    assert Counter(node.account_id for node in order) == {1: 30, 2: 30}
    assert Counter(node.campaign_id for node in order if node.account_id == 1) == dict.fromkeys(
        range(1, 31), 1
    )


def test_the_nodes_of_a_campaign_follow_one_another():
    assert Counter(served(due(1, 1, nodes=5), looks=15)).most_common()[-1][1] == 3


def test_a_campaign_that_has_just_become_due_is_served_next():
    turns, large = Turns(), due(1, 1, nodes=3)
    for _ in range(5):
        scheduling.next_turns(large, turns)
    (node,) = scheduling.next_turns([*large, *due(2, 1, nodes=1)], turns)
    assert node.campaign_id == 2


def waits_in_arms(account, contacts: int) -> Campaign:
    """A campaign whose contacts stand at eight nodes, all of them due."""
    nodes = [("split", "split", {"arms": [{"label": arm, "weight": 1} for arm in ARMS]})]
    nodes += [(f"wait_{arm}", "wait", {"minutes": 1}) for arm in ARMS]
    nodes += [("late", "wait", {"minutes": 600}), ("text", "send_sms", {"body": "Hi"})]
    edges = [("split", arm, f"wait_{arm}") for arm in ARMS] + [
        (f"wait_{arm}", "next", "late") for arm in ARMS
    ]
    campaign = launch(account, contacts, nodes, [*edges, ("late", "next", "text")])
    engine.run_round(now=clock.now())
    Step.objects.filter(campaign=campaign).exclude(due_at=None).update(due_at=clock.now())
    return campaign


def waiting(campaign: Campaign) -> int:
    return Step.objects.filter(campaign=campaign, due_at__lte=clock.now()).count()


@pytest.mark.django_db
def test_a_small_campaign_waits_for_one_turn_of_a_large_one(monkeypatch):
    monkeypatch.setattr(scheduling, "BATCH", 2)
    monkeypatch.setattr(engine, "LOOK_SECONDS", 0)
    account = factories.make_account()
    large = waits_in_arms(account, contacts=60)
    draft = launching.Draft(
        name="Small",
        version=factories.make_workflow(
            account,
            [("pause", "wait", {"minutes": 1}), ("text", "send_sms", {"body": "Hi"})],
            [("pause", "next", "text")],
        ),
        audience=large.audience,
        number=large.number,
        targeting={"kind": "commercial"},
    )
    factories.make_contact(account, "+13125550199", kind="commercial")
    small = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(small, now=clock.now())
    Step.objects.filter(campaign=small).update(due_at=clock.now())
    engine.work(ONE_LOOK)
    engine.work(ONE_LOOK)
    assert not Step.objects.filter(campaign=small, node__key="pause", state="waiting").exists()
    assert waiting(large) >= 60 - 2 * 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_take_every_step_once():
    campaign = waits_in_arms(factories.make_account(), contacts=80)
    taken: list[int] = []

    def work() -> None:
        taken.append(engine.run_round(now=clock.now()))
        connection.close()

    workers = [Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(taken) == 80 and waiting(campaign) == 0
    assert Step.objects.filter(campaign=campaign, node__key="late").count() == 80
