"""How replies are read, in both languages, and the words that only look like a wish to be left alone."""

import pytest

from conversations import reading
from conversations.models import Reading

OPT_OUT, HOLD, ROUTE = Reading.Outcome.OPT_OUT, Reading.Outcome.HOLD, Reading.Outcome.ROUTE


@pytest.mark.parametrize(
    "body",
    [
        *["STOP", "stop.", " Stop! ", "S T O P", "stopall", "UNSUBSCRIBE", "Cancel", "end", "Quit", "revoke"],
        *["opt-out", "RESET", "Alto", "parar", "BAJA", "cancelar", "detener"],
        *["Please stop texting me", "dont text me anymore", "Don’t contact us", "never call me again"],
        *["no more messages", "quit sending me texts", "stop, I already have somebody"],
        *["take me off your list", "Remove my number", "delete us from your list", "get me out of this list"],
        *["leave me alone", "lose my number", "opt me out", "I'm opting out", "Not interested, please stop"],
        *[
            "No me manden más mensajes",
            "ya no me escriban",
            "no quiero recibir mensajes",
            "Quítenme de la lista",
        ],
        *["Dejen de escribir", "denme de baja", "no nos llamen", "Basta de mensajes", "basta con los textos"],
        *["STOPPP texting me", "STOOOP", "dontttt text meee", "STOPPPP"],
        *[
            "I don't want any more messages",
            "I dont want any more texts from you",
            "do not want your messages",
        ],
        *["I no longer wish to receive texts", "Dont contact me", "don't ever contact me again"],
    ],
)
def test_a_wish_to_be_left_alone_is_heard(body):
    found = reading.read(body)
    assert (found.label, found.outcome) == ("optout", OPT_OUT)


@pytest.mark.parametrize(
    ("body", "label"),
    [
        ("Can you stop by at nine", "question"),
        ("stop by tomorrow, yes", "booking_yes"),
        ("You can stop in at 3", "other"),
        ("my furnace quit", "other"),
        ("The heater quit on us", "other"),
        ("it wont stop leaking", "complaint"),
        ("The AC stopped working", "other"),
        ("I cancelled the other company", "other"),
        ("yes, cancel my other appointment with them", "booking_yes"),
        ("Reset the thermostat and it works", "other"),
        ("I don't want to text, call me", "other"),
        ("I don't want any more surprises", "other"),
        ("It stoppped working", "other"),
    ],
)
def test_words_that_only_look_like_it_end_nothing(body, label):
    found = reading.read(body)
    assert found.outcome != OPT_OUT
    assert found.label == label


@pytest.mark.parametrize(
    "body",
    [
        *[
            "please cancel my appointment",
            "CANCEL MY APPOINTMENT",
            "Cancel tomorrow please",
            "cancel for now",
        ],
        *[
            "the end of the week works",
            "the end of the month is better",
            "Yes, stop by anytime",
            "we are at the bus stop",
            "shut the stop valve",
        ],
        *[
            "no me manden más cobros, ya pagué",
            "dejen de cobrarme",
            "stop sending me bills",
            "stop charging me",
        ],
        *["Your tech quit halfway", "the unit you fixed stopped working", "my AC keeps quitting"],
        *["please don't stop the reminders", "I didn't mean stop", "don't remove me from the list"],
        *[
            "Don't call, just text me",
            "text me instead of calling",
            "don't text before 9am",
            "no me llamen antes de las 9",
        ],
        *["how do I reset my thermostat?", "Can I end my membership?", "does the promo end Friday?"],
        *[
            "remove the old filter first",
            "take your time",
            "take the late fee off my account",
            "remove your boots please",
        ],
        *[
            "You never text back",
            "no one texted me he was coming",
            "I never got a text",
            "nunca recibí el mensaje",
        ],
        *[
            "text me next month",
            "contact me after the 15th",
            "put me on the list for Tuesday",
            "I don't text, call me",
        ],
        *[
            "Liked “Reply STOP to opt out”",
            "Disliked “Text STOP to end”",
            "Le gustó “Responda ALTO para cancelar”",
        ],
        *[
            "I'm driving with Do Not Disturb turned on. I'll see it when I stop.",
            "Auto-reply: to stop this, call IT",
        ],
        *[
            "no vengan mañana",
            "cancelar la cita",
            "mi esposo dejó de trabajar",
            "no dejen de avisarme",
            "baja presión",
        ],
    ],
)
def test_traps_end_nothing(body):
    assert reading.read(body).outcome != OPT_OUT


@pytest.mark.parametrize(
    "body",
    [
        *[
            "email me instead",
            "Stop texting, just send mail",
            "only email please",
            "no texts, call the house",
        ],
        *[
            "Wrong number, take me off your list",
            "who is this? stop texting me",
            "How much? Never mind, unsubscribe me",
        ],
        *["stop texting my grandmother, she is frail", "He died in May, remove his number"],
        *["pls stp txting me", "dnt txt me no more", "unsub", "st0p", "STOP2END", "🛑", "stop👏texting👏me"],
        *[
            "ya basta!!",
            "no manden mas txt",
            "kiten mi numero",
            "dejeme en paz",
            "sáquenme de la lista",
            "ya no manden",
        ],
        *[
            "I already asked you to stop",
            "how do I unsubscribe?",
            "put me on your do not call list",
            "why wont you stop",
        ],
        *[
            "My furnace is fine. Please stop",
            "Stop, thanks for everything though",
            "the AC quit, and quit texting me",
        ],
    ],
)
def test_wishes_are_heard_however_they_come(body):
    assert reading.read(body).outcome == OPT_OUT


@pytest.mark.parametrize(
    ("body", "label", "outcome"),
    [
        ("yes", "booking_yes", ROUTE),
        ("Yes!!", "booking_yes", ROUTE),
        ("yes?", "question", ROUTE),
        ("Yes please, Tuesday works", "booking_yes", ROUTE),
        ("ok but not this week", "reschedule", ROUTE),
        ("Sure, book me", "booking_yes", ROUTE),
        ("I'd like to schedule", "booking_yes", ROUTE),
        ("lets do it", "booking_yes", ROUTE),
        ("Sí", "booking_yes", ROUTE),
        ("claro que sí", "booking_yes", ROUTE),
        ("Quiero agendar", "booking_yes", ROUTE),
        ("no", "other", ROUTE),
        ("yes no maybe", "other", ROUTE),
        ("Can we do another day", "reschedule", ROUTE),
        ("need to reschedule", "reschedule", ROUTE),
        ("Otro día por favor", "reschedule", ROUTE),
        ("más tarde", "reschedule", ROUTE),
        ("How much is it", "question", ROUTE),
        ("Friday?", "question", ROUTE),
        ("¿Cuánto cuesta?", "question", ROUTE),
        ("Wrong number", "wrong_number", ROUTE),
        ("Número equivocado", "wrong_number", ROUTE),
        ("I don't know any Pat", "wrong_number", ROUTE),
        ("who is this", "question", ROUTE),
        ("Who is this??", "question", ROUTE),
        ("Who's this from?", "wrong_number", ROUTE),
        ("who is this for", "wrong_number", ROUTE),
        ("Who is this tune-up for?", "question", ROUTE),
        ("I will report you", "complaint", ROUTE),
        ("your guy never showed", "complaint", ROUTE),
        ("I want a refund", "complaint", ROUTE),
        ("pésimo servicio", "complaint", ROUTE),
        ("👍", "other", ROUTE),
        ("", "other", HOLD),
    ],
)
def test_a_reply_is_read_and_doubt_is_held(body, label, outcome):
    found = reading.read(body)
    assert (found.label, found.outcome) == (label, outcome)
    assert found.label in reading.LABELS


@pytest.mark.parametrize(
    ("body", "everywhere"),
    [
        ("Don't contact me", True),
        ("DO NOT CONTACT", True),
        ("don't ever contact me again", True),
        ("Never contact us again!", True),
        ("please stop contacting me", True),
        ("Don’t contact me at all by any means", True),
        ("No me contacten más por favor", True),
        ("dejen de contactarme", True),
        ("STOP", False),
        ("Stop texting me", False),
        ("Don't contact me by text", False),
        ("Don't contact me here", False),
        ("Don't contact me again at this number", False),
        ("Don't contact me, email me", False),
        ("No me contacten por mensaje", False),
    ],
)
def test_no_contact_at_all_is_told_from_no_texts(body, everywhere):
    found = reading.read(body)
    assert (found.outcome, found.everywhere) == (OPT_OUT, everywhere)


def test_the_providers_own_finding_always_counts():
    assert reading.read("whatever", opt_out_type="STOP").outcome == OPT_OUT
    assert reading.read("yes", opt_out_type="START").label == "booking_yes"


@pytest.mark.parametrize(
    ("body", "back"), [("START", True), ("un-stop", True), ("yes", False), ("Start it", False)]
)
def test_only_start_and_unstop_ask_to_come_back(body, back):
    assert reading.wants_back(body) is back


@pytest.mark.parametrize(
    "body",
    [
        "Is this an automated message? Stop texting me",
        "I do not want another automated message from you, take me off your list",
        "This number is not monitored. STOP",
        "You have an automated response? unsubscribe me",
    ],
)
def test_who_speaks_of_automatic_texts_is_no_machine(body):
    assert reading.read(body).outcome == "opt_out"


@pytest.mark.parametrize(
    "body",
    [
        "Auto reply: I am driving and will get back to you",
        "This is an automated response. Thank you for contacting Smith Plumbing. Reply STOP to opt out.",
        "(I’m not receiving notifications. If this is urgent, reply “urgent” to send a notification through "
        "with your original message.)",
        "Automatic reply: I am out of the office until Monday. Please do not reply to this message.",
    ],
)
def test_a_phones_own_answer_needs_nobody(body):
    read = reading.read(body)
    assert (read.label, read.outcome, read.courtesy) == ("other", "route", True)


def test_a_phones_own_answer_that_wants_no_texts_is_held():
    assert reading.read("This mailbox is not monitored. Please do not text this number.").outcome == "hold"
