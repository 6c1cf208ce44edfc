"""The faults of `make faults`: what happens to a product while a launch is under way. Instants are drawn."""

from collections.abc import Callable
from functools import partial

from bench import call_faults, clocks, deaths, misbehaving, office, outages, people
from bench.faulted import Course

Disturbance = Callable[[Course], None]
KILLED = ("sending", "engine", "events", "web", "postgres", "redis", "sandbox", "bulk", "beat")

DISTURBANCES: dict[str, Disturbance] = {
    **{f"kill_{name}": partial(deaths.kill, name) for name in KILLED},
    "kill_before_call": deaths.kill_before_call,
    "kill_before_record": deaths.kill_before_record,
    "kill_web_child": deaths.kill_web_child,
    "freeze_sending": deaths.freeze_sending,
    "freeze_beyond_lease": deaths.freeze_beyond_lease,
    "flush_redis": outages.flush_redis,
    "pause_redis": outages.pause_redis,
    "stop_postgres": outages.stop_postgres,
    "callbacks_repeated_reversed": misbehaving.tell_thrice_reversed,
    "callbacks_late": misbehaving.tell_late,
    "http_429": misbehaving.refuse,
    "drop_before_accept": partial(misbehaving.misbehave, drop_before_accept=0.2),
    "accept_then_drop": partial(misbehaving.misbehave, accept_then_drop=0.2),
    "error_after_accept": partial(misbehaving.misbehave, error_after_accept=0.2),
    "timeout_after_accept": misbehaving.time_out,
    "slow_provider": misbehaving.hang,
    "stop_amid_launch": people.stop_amid_launch,
    "stop_twice": people.stop_twice,
    "pause_amid_launch": people.pause_amid_launch,
    "double_launch": people.double_launch,
    "two_of_everything": deaths.two_of_everything,
    "crash_before_ring": deaths.crash_before_ring,
    "deploy": deaths.deploy,
    "poison_rows": outages.poison_rows,
    "servicetitan_refuses": office.refuse,
    "book_twice": office.book_twice,
    "clock_steps": clocks.step,
    "disk_full": outages.fill_disk,
    "missing_hour": clocks.missing_hour,
    "hour_twice": clocks.hour_twice,
    **call_faults.FAULTS,
}
CALLS = frozenset(call_faults.FAULTS)  # these are courses of calls
SMALL_DISK = frozenset({"disk_full"})  # these run on a product whose servers have a disk of their own
