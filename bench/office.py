"""ServiceTitan in trouble: tokens die, exports break off, answers to bookings are lost, news comes twice."""

import time

from bench import looks
from bench.faulted import Course

CUSTOMERS = 40
TROUBLE = {"token_seconds": 2, "http_429": 0.25, "html_502": 0.15, "http_500": 0.1, "page_size": 7}
ANSWERS = 12
YES = "Yes please, book me in"


def refuse(course: Course) -> None:
    """Customers are added while ServiceTitan forgets its tokens, refuses and breaks off between pages."""
    course.provider.misbehave(seed=course.rng.randrange(1, 2**31), servicetitan=TROUBLE)
    course.launch()
    course.await_share(0.05)  # nobody whom the office adds from here on is in the audience
    added: list[int] = []
    for _ in range(4):
        added += [looks.add_customer(course) for _ in range(CUSTOMERS // 4)]
        course.company("ring", "1")
        time.sleep(course.rng.uniform(0.5, 2))
    course.await_share(1.0)
    course.provider.heal()
    course.company("ring", "1")

    course.await_that(lambda: not looks.missing_customers(course, added), 60, "customers did not come")
    course.facts.missing = looks.missing_customers(course, added)
    course.recount()


def book_twice(course: Course) -> None:
    """A dozen customers want a job. Half of ServiceTitan's answers are lost, and each job is told twice."""
    course.provider.misbehave(
        seed=course.rng.randrange(1, 2**31), servicetitan={"accept_then_drop": 0.5, "dismiss": 0.0}
    )
    course.provider.call("POST", "/servicetitan/booking-provider-tags", json={"id": 901, "tagName": "Ours"})
    looks.add_customer(course)  # the ids of those whom ServiceTitan makes of bookings follow its own
    course.launch("--booking")
    course.await_share(1.0)
    phones = course.rng.sample(sorted({text["to"] for text in course.texts}), ANSWERS)
    for phone in phones:
        course.provider.say(phone, YES, course.number, "booking_yes")
    wanted = (ANSWERS, ANSWERS, ANSWERS)

    def counted() -> tuple[int, int, int]:
        course.company("ring", "1")
        return looks.jobs(course)

    if not course.await_that(lambda: counted() == wanted, 90, "the jobs did not come"):
        course.complain(f"requests, jobs and credits are {looks.jobs(course)}")
    for job in looks.job_ids(course):
        course.provider.call("POST", "/servicetitan/jobs", json={"id": job, "summary": "Told again"})
    for _ in range(3):
        course.company("ring", "1")
        time.sleep(1)
    found = counted()
    course.facts.drift = [*course.facts.drift, *(abs(n - ANSWERS) for n in found)]
    bookings = {entry["external_id"] for entry in course.provider.entries("booking", course.since)}
    made = [entry["booking"] for entry in course.provider.entries("booking", course.since)]
    if len(set(made)) != len(bookings):
        course.complain(f"{len(set(made))} bookings at ServiceTitan for {len(bookings)} requests")
    course.recount()
