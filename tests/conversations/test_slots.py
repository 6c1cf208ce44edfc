"""How much room calls have, with connections whose calls hang."""

import asyncio

import pytest

from conversations import email_sender, slots, text_sender
from conversations.slots import Ahead, Slots


def test_a_call_that_hangs_gives_its_slot_up_and_takes_its_toll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "HANGS_AFTER_SECONDS", 0.0)

    async def scenario() -> None:
        made = Slots(8)
        answer = asyncio.Event()

        async def call() -> None:
            async with made.slot(1):
                await answer.wait()

        tasks = [asyncio.create_task(call()) for _ in range(2)]
        while made.room_by_connection() != {1: 0}:  # noqa: ASYNC110 - turns of this very loop
            await asyncio.sleep(0)
        assert made.room(0) == 8
        async with asyncio.timeout(5):
            async with made.slot(2):
                assert made.room(4) >= 11
        answer.set()
        await asyncio.gather(*tasks)
        assert made.room_by_connection() == {}
        assert made.room(4) == 12
        assert not made._claimed

    asyncio.run(scenario())


def test_no_more_calls_begin_than_there_are_slots() -> None:
    async def scenario() -> None:
        made = Slots(3)
        running, most = 0, 0

        async def call() -> None:
            nonlocal running, most
            async with made.slot(1):
                running += 1
                most = max(most, running)
                await asyncio.sleep(0)
                running -= 1

        tasks = [asyncio.create_task(call()) for _ in range(10)]
        await asyncio.sleep(0)
        assert made.room(3) == 0
        await asyncio.gather(*tasks)
        assert most == 3

    asyncio.run(scenario())


def test_where_everything_hangs_nothing_more_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "HANGS_AFTER_SECONDS", 0.0)

    async def scenario() -> None:
        made = Slots(1)
        answer = asyncio.Event()

        async def call(connection_id: int) -> None:
            async with made.slot(connection_id):
                await answer.wait()

        tasks = [asyncio.create_task(call(number)) for number in range(4)]
        while len(made.room_by_connection()) < 4:  # noqa: ASYNC110 - turns of this very loop
            await asyncio.sleep(0)
        assert made.room(5) == 0
        answer.set()
        await asyncio.gather(*tasks)
        assert made.room(5) == 6

    asyncio.run(scenario())


def test_as_much_is_claimed_ahead_as_is_called_in_a_moment() -> None:
    ahead = Ahead(200)
    seen = []
    for calls, at in ((0, 100.0), (500, 100.2), (500, 101.0), (1_900, 102.0), (1_950, 103.0), (9_000, 104.0)):
        ahead.look(calls, at)
        seen.append(ahead.now)
    assert seen == [100, 100, 125, 350, 100, 400]


def test_nothing_is_claimed_while_too_many_ends_wait_to_be_recorded() -> None:
    """A record that waits for a lock must not let the ends that a killed process would lose pile up."""
    made = text_sender.TextSender(4)
    assert made._room() == 6
    made._recorder.unrecorded = 4 * text_sender.MOST_UNRECORDED
    assert made._room() == 6
    made._recorder.unrecorded += 1
    assert made._room() == 0
    mails = email_sender.EmailSender(4)
    assert mails._room() == email_sender.BATCH
    mails._recorder.unrecorded = email_sender.MOST_AT_ONCE - email_sender.BATCH + 1
    assert mails._room() == 0
