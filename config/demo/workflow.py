"""“Tune-up season”, a workflow worth copying: ask, wait, ask once more, book, confirm.

Only a plain yes has a way on. Questions, wishes for another day and complaints have none, so that they are
held for a person. The waits are minutes, for somebody who watches; in earnest they would be days.
"""

from typing import Any

NAME = "Tune-up season"
DESCRIPTION = (
    "Two friendly texts to people whose furnace has not been looked at for a while. A yes becomes a "
    "booking in ServiceTitan and is confirmed; anything else a customer writes goes to a person. "
    "The waits are minutes here; use two or three days for real customers."
)
FIRST_WAIT_MINUTES = 3
SECOND_WAIT_MINUTES = 15
MEMBER_TAG = "Maintenance member"

FIRST_TEXT = (
    "Hi {{ first_name }}, {{ company }} here. It's time for your furnace tune-up before it gets cold. "
    "Reply YES and we'll book it. Reply STOP to opt out."
)
MEMBER_TEXT = (
    "Hi {{ first_name }}, your {{ company }} membership includes a furnace tune-up this season. "
    "Reply YES and we'll put you on the schedule."
)
SECOND_TEXT = (
    "Hi {{ first_name }}, {{ company }} again: we still have tune-up visits open. "
    "Reply YES for one, or just ask us anything."
)
BOOKED_TEXT = (
    "Thanks {{ first_name }}, you're all set: your tune-up is booked. "
    "Our office will text you the arrival time. {{ company }}"
)
NOT_BOOKED_TEXT = (
    "Thanks {{ first_name }}. We could not find a slot by ourselves, so somebody from our office "
    "will call you. {{ company }}"
)


def nodes(*, job_type: int | None) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(key, kind, name, settings), the first one first. `job_type` is ServiceTitan's id of a tune-up."""
    return [
        ("first_text", "send_sms", "Time for a tune-up", {"body": FIRST_TEXT}),
        ("first_wait", "wait_for_reply", "Wait for a reply", {"timeout_minutes": FIRST_WAIT_MINUTES}),
        ("who", "branch", "Member, or with a person?", {"conditions": _CONDITIONS}),
        ("member_text", "send_sms", "Reminder for members", {"body": MEMBER_TEXT}),
        ("second_text", "send_sms", "Reminder", {"body": SECOND_TEXT}),
        ("second_wait", "wait_for_reply", "Wait once more", {"timeout_minutes": SECOND_WAIT_MINUTES}),
        ("booking", "book_job", "Book the tune-up", {"summary": "Furnace tune-up", "job_type": job_type}),
        ("booked_text", "send_sms", "Confirm the booking", {"body": BOOKED_TEXT}),
        ("not_booked_text", "send_sms", "Promise a call", {"body": NOT_BOOKED_TEXT}),
        ("done", "end", "Done", {}),
    ]


_CONDITIONS = [
    {"label": "with_a_person", "field": "replied", "operator": "is", "value": True},
    {"label": "member", "field": "tag", "operator": "has", "value": MEMBER_TAG},
]

EDGES = [
    ("first_text", "next", "first_wait"),
    ("first_text", "otherwise", "done"),
    ("first_wait", "booking_yes", "booking"),
    ("first_wait", "no_reply", "who"),
    ("who", "with_a_person", "done"),
    ("who", "member", "member_text"),
    ("who", "otherwise", "second_text"),
    ("member_text", "next", "second_wait"),
    ("member_text", "otherwise", "done"),
    ("second_text", "next", "second_wait"),
    ("second_text", "otherwise", "done"),
    ("second_wait", "booking_yes", "booking"),
    ("second_wait", "no_reply", "done"),
    ("booking", "booked", "booked_text"),
    ("booking", "not_booked", "not_booked_text"),
    ("booked_text", "next", "done"),
    ("not_booked_text", "next", "done"),
]
