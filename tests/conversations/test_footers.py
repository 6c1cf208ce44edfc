"""The opt-out line of first texts: who gets it, once, in which language."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from campaigns import engine
from campaigns.samples import preview
from common import clock
from common.segments import count_segments
from conversations import claiming, footers, leasing, sender, timeline, trial_texts
from conversations.models import Footer, Message, Thread
from tests import factories
from tests.conversations.conftest import Company, phone

TWO_TEXTS = [
    ("first", "send_sms", {"body": "Hi {{ first_name }}, time for a tune-up?"}),
    ("second", "send_sms", {"body": "Still time, {{ first_name }}."}),
    ("done", "end", {}),
]
TWO_EDGES = [("first", "next", "second"), ("second", "next", "done")]


@pytest.mark.parametrize(
    "text",
    ["Reply STOP to opt out.", "reply stop to end", "Text STOP to quit", "Send “STOP” and we leave you alone",
     "STOP to end", "STOP=end, HELP=help", "Txt STOPALL", "Reply UNSUBSCRIBE", "To opt out, reply with STOP",
     "Reply with the word STOP", "Text back STOP", "To unsubscribe respond STOP.",
     "Responda STOP para cancelar.", "Envíe BAJA para no recibir más mensajes", "responde ALTO",
     "Escriba la palabra STOP", "STOP para no recibir más", "Conteste STOP"],
)  # fmt: skip
def test_what_tells_a_reader_how_to_opt_out(text: str) -> None:
    assert footers.tells_opt_out(f"Hi Pat, time for a tune-up? {text}")


@pytest.mark.parametrize(
    "text",
    ["Shall we stop by on Friday?", "Reply YES and we stop by at noon", "Text us, stop the leak today",
     "Don't stop here: 20% off", "Reply CANCEL to cancel your visit", "We can stop to look at it",
     "Reply if the noise did not stop", "Reply stop by if we may come", "Responda SÍ y pasamos a las 9",
     "Responda CANCELAR para anular la cita", "Non-stop service", "Reply stop-gap", "No pare de disfrutar",
     "END of season sale", "The bus stop to the left"],
)  # fmt: skip
def test_what_does_not(text: str) -> None:
    assert not footers.tells_opt_out(text)


def test_the_line_is_added_once() -> None:
    once = footers.with_footer("Hi Pat. \n", "Reply STOP to opt out.")
    assert once == "Hi Pat.\nReply STOP to opt out."
    assert footers.with_footer(once, "Reply STOP to opt out.") == once
    own = "Hi Pat. Text STOP to end."
    assert footers.with_footer(own, "Reply STOP to opt out.") == own


def test_both_lines_name_stop_in_the_cheap_alphabet() -> None:
    for line in (footers.ENGLISH, footers.SPANISH):
        assert footers.tells_opt_out(line)
        assert count_segments(line).encoding == "GSM-7"


def bodies(index: int) -> list[str]:
    texts = Message.objects.filter(address__value=phone(index), kind="campaign").order_by("pk")
    return [text.body or "" for text in texts]


def test_the_first_text_carries_it_and_the_next_does_not(company: Company) -> None:
    company.launch(1, TWO_TEXTS, TWO_EDGES)
    company.run()
    company.run()
    first, second = bodies(0)
    assert first.endswith("tune-up?\nReply STOP to opt out.")
    assert second == "Still time, Pat."
    assert [entry["body"] for entry in company.sandbox.ledger("message")] == [first, second]
    assert list(Message.objects.order_by("pk").values_list("tells_opt_out", flat=True)) == [True, False]


def test_a_text_with_words_of_its_own_counts_as_told(company: Company) -> None:
    nodes = [(key, kind, {**settings, "body": "Hi. Text STOP to quit."} if key == "first" else settings)
             for key, kind, settings in TWO_TEXTS]  # fmt: skip
    company.launch(1, nodes, TWO_EDGES)
    company.run()
    company.run()
    assert bodies(0) == ["Hi. Text STOP to quit.", "Still time, Pat."]


def test_spanish_speakers_read_it_in_spanish(company: Company) -> None:
    factories.make_contact(company.account, phone=phone(0), language="es")
    Footer.objects.create(account=company.account, english="STOP = end", spanish="Escriba STOP para salir")
    company.launch(0, TWO_TEXTS, TWO_EDGES)
    company.run()
    assert bodies(0)[0].endswith("\nEscriba STOP para salir")


@pytest.mark.parametrize(("days", "again"), [(89, False), (91, True)])
def test_it_comes_again_after_ninety_quiet_days(
    company: Company, noon: datetime, days: int, again: bool
) -> None:
    company.launch(1)
    company.run()
    Message.objects.update(accepted_at=noon - timedelta(days=days))
    company.launch(0)
    company.run()
    assert bodies(0)[1].endswith(footers.ENGLISH) is again


def test_a_phone_that_was_texted_but_never_told_is_told(company: Company) -> None:
    company.launch(1)
    company.run()
    Message.objects.update(tells_opt_out=False)
    company.launch(0)
    company.run()
    assert bodies(0)[1].endswith(footers.ENGLISH)


def test_what_people_write_carries_none(company: Company) -> None:
    person = factories.make_user(company.account)
    trial_texts.send(
        company.account, number=company.number, phone=phone(7), by=person,
        token=uuid4(), now=clock.now(),
    )  # fmt: skip
    company.run()
    text = Message.objects.get()
    assert text.body == trial_texts.BODY.format(company=company.account.name)
    assert not text.tells_opt_out


def test_of_many_campaigns_at_once_exactly_the_first_carries_it(company: Company) -> None:
    """Three campaigns text the same 40 phones, claimed by 12 senders in batches of one and of many."""
    company.launch(40)
    company.launch(0)
    company.launch(0)
    engine.run_round(now=clock.now())
    leased = leasing.lease(500, now=clock.now())
    assert len(leased) == 120
    shares = [leased[0::3], *([one] for one in leased[1::3]), leased[2::3]]

    def claim(ids: list[int]) -> None:
        claiming.claim(ids, now=clock.now())
        connection.close()

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(claim, shares))
    called = Message.objects.filter(state="calling")
    assert called.values("address").distinct().count() == 40
    assert called.count() > 40  # households may get two: the others are plain
    for index in range(40):
        told = [body.endswith(footers.ENGLISH) for body in bodies(index) if body]
        assert told.count(True) == 1, bodies(index)


def test_a_refused_first_text_leaves_the_line_to_the_next(company: Company) -> None:
    company.launch(1)
    engine.run_round(now=clock.now())
    claiming.claim(leasing.lease(1, now=clock.now()), now=clock.now())
    Message.objects.update(state="rejected")
    company.launch(0)
    company.run()
    assert bodies(0)[1].endswith(footers.ENGLISH)


def test_a_batch_asks_as_much_as_one(company: Company, django_assert_max_num_queries) -> None:
    company.launch(30)
    engine.run_round(now=clock.now())
    leased = leasing.lease(100, now=clock.now())
    with transaction.atomic(), django_assert_max_num_queries(40) as one:
        claiming.claim(leased[:1], now=clock.now())
    with transaction.atomic(), django_assert_max_num_queries(len(one.captured_queries)):
        assert len(claiming.claim(leased[1:], now=clock.now())) == 29


def test_segments_are_those_of_the_whole_text(company: Company) -> None:
    nodes = [("first", "send_sms", {"body": "x" * 150}), ("done", "end", {})]
    company.launch(1, nodes, [("first", "next", "done")])
    engine.run_round(now=clock.now())
    sender.run(10, concurrency=5, until_idle=True)
    assert Message.objects.get().segments == 2


def test_no_row_without_stop(db: None) -> None:
    account = factories.make_account()
    with pytest.raises(IntegrityError):
        Footer.objects.create(account=account, english="Reply STOP", spanish="Adiós")


def test_thread_and_review_show_what_will_leave(company: Company, noon: datetime) -> None:
    campaign = company.launch(1)
    company.launch(0)
    engine.run_round(now=clock.now())
    sample = preview(company.account, audience=campaign.audience, targeting={}, version=campaign.version,
                     number=company.number, now=clock.now()).samples[0]  # fmt: skip
    assert sample.body.endswith(f"\n{footers.ENGLISH}")
    contact = Message.objects.earliest("pk").contact
    thread = Thread.objects.create(
        account=company.account, contact=contact, address=factories.phone_of(contact), number=company.number
    )
    entries = timeline.of(thread, now=clock.now()).entries
    first, second = (entry.body for entry in entries if entry.direction == "out")
    assert first == sample.body
    assert footers.ENGLISH not in second
    company.run()
    again = preview(company.account, audience=campaign.audience, targeting={}, version=campaign.version,
                    number=company.number, now=clock.now()).samples[0]  # fmt: skip
    assert footers.ENGLISH not in again.body


def test_of_two_texts_to_a_phone_in_one_batch_the_first_carries_it(company: Company) -> None:
    company.launch(5)
    company.launch(0)
    engine.run_round(now=clock.now())
    assert len(claiming.claim(leasing.lease(50, now=clock.now()), now=clock.now())) == 10
    for index in range(5):
        assert [body.endswith(footers.ENGLISH) for body in bodies(index)].count(True) == 1
