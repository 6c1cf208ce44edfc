"""What customers and marketers do amid a launch: STOP, twice and at the worst instant; pause; click twice."""

import threading
import time

from bench.deaths import SLOW_ANSWERS
from bench.faulted import LAUNCH_SECONDS, Course

STOPS, MOST_STOPS = 50, 500
PAUSE_LASTS = 4.0
WISHES = ("STOP", "stop", "Stop texting me please", "unsubscribe", "take me off your list", "RESET")


def stop_amid_launch(course: Course) -> None:
    """Fifty customers (a tenth of fewer than 500) want no more texts, each at an instant of its own."""
    stop(course, min(STOPS, course.recipients // 10), times=1)


def stop_twice(course: Course) -> None:
    """A tenth of all customers, 500 at most, say so twice, in two requests at one instant."""
    stop(course, min(MOST_STOPS, course.recipients // 10), times=2)


def stop(course: Course, customers: int, times: int) -> None:
    """So many customers say STOP while they are being texted, so many times each."""
    course.provider.misbehave(**SLOW_ANSWERS)
    course.launch()
    phones = course.rng.sample(sorted(course.facts.zones), customers)
    course.facts.stopping = frozenset(phones)
    threads = []
    for phone in phones:
        wait = course.rng.uniform(0, LAUNCH_SECONDS)
        for _ in range(times):
            wish = course.rng.choice(WISHES)
            threads.append(threading.Thread(target=_say, args=(course, phone, wish, wait)))
            threads[-1].start()
    for thread in threads:
        thread.join()
    course.recount()


def _say(course: Course, phone: str, wish: str, wait: float) -> None:
    time.sleep(wait)
    course.provider.say(phone, wish, course.number)


def pause_amid_launch(course: Course) -> None:
    """The campaign is paused for a few seconds and goes on."""
    course.provider.misbehave(**SLOW_ANSWERS)
    course.launch()
    (campaign,) = course.campaigns
    course.await_share(course.rng.uniform(0.05, 0.4))
    paused = course.company("pause", str(campaign))["at"]
    time.sleep(PAUSE_LASTS)
    course.recount()
    resuming = time.time()
    course.company("resume", str(campaign))
    course.facts.pauses = [(paused, resuming)]


def double_launch(course: Course) -> None:
    """Four clicks on Launch at once."""
    course.clicks = 4
    course.launch()
    course.await_share(1.0)
    course.recount()
