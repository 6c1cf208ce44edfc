"""`make mutations`: take a lock, a key or a rule away from a copy of the product, and see the tests fail.

Each mutation is one change to a throw-away copy. The tests named beside it run there and must fail; one that
nobody notices, or that does not fit the source any more, makes the exit code 1. `NAME=<mutation>` for one.

    {"mutation", "noticed_by"}
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.product import ROOT

PROTOCOL = "tests/conversations/test_protocol.py"
CALLS = "tests/conversations/test_call_protocol.py"
KEYS = "tests/conversations/test_keys.py"
STORIES, STORIES_OF_CONTROL = "100", "8"
_MIGRATION = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("{app}", "{latest}")]
    operations = [migrations.RunSQL({statement!r})]
"""


@dataclass(frozen=True)
class Mutation:
    """What is taken away: words of a file (with what stands there instead), or a key of the database.

    `tests` are those that must fail, each by itself.
    """

    tests: tuple[str, ...]
    file: str = ""
    words: str = ""
    instead: str = ""
    app: str = ""
    statement: str = ""


MUTATIONS: dict[str, Mutation] = {
    "claim_without_address_lock": Mutation(
        (PROTOCOL, "tests/conversations/test_stop.py::test_a_text_queued_while_a_stop_commits_waits_for_it"),
        "conversations/claiming.py",
        "    suppression.lock_addresses({address for address, *_ in found})\n",
    ),
    "claim_without_lock_of_pauses": Mutation(
        (PROTOCOL,),
        "conversations/claiming.py",
        "    pausing.share(account for _, _, account, *_ in found)\n",
    ),
    "stop_that_does_not_wait_for_calls": Mutation(
        (PROTOCOL, "tests/conversations/test_stop.py::test_a_stop_waits_for_the_call_in_flight"),
        "conversations/opt_outs.py",
        "WHERE address_id = ANY(%s) AND state = 'calling'",
        "WHERE address_id = ANY(%s) AND false",
    ),
    "message_origin_not_unique": Mutation(
        (KEYS,),
        app="conversations",
        statement="ALTER TABLE conversations_message DROP CONSTRAINT message_origin",
    ),
    "texts_put_off_are_queued_anew": Mutation(
        (PROTOCOL,),
        "campaigns/nodes/sending.py",
        "for row, message in known if message is None]",
        "for row, message in known]",
        app="conversations",
        statement="ALTER TABLE conversations_message DROP CONSTRAINT message_origin",
    ),
    "provider_event_not_unique": Mutation(
        (PROTOCOL, KEYS),
        "integrations/inbox.py",
        "ON CONFLICT (provider, event_id, month) DO NOTHING\n",
        app="integrations",
        statement="DROP INDEX providerevent_once",
    ),
    "step_pass_not_unique": Mutation(
        (KEYS,), app="campaigns", statement="ALTER TABLE campaigns_step DROP CONSTRAINT step_pass"
    ),
    "second_attempt_not_refused": Mutation(
        (KEYS,), app="conversations", statement="DROP INDEX attempt_one_not_refused"
    ),
    "lost_answers_are_sent_again": Mutation(
        (PROTOCOL,),
        "conversations/delivery.py",
        'for r, error in errors if error.accepted == "no"]',
        "for r, error in errors]",
    ),
    "ends_are_recorded_twice": Mutation(
        ("tests/conversations/test_sending.py::test_recording_an_end_again_leaves_the_next_attempt_alone",),
        "conversations/delivery.py",
        " if r.attempt_id in ended]",
        "]",
    ),
    "states_may_fall": Mutation(
        (PROTOCOL,),
        "conversations/delivery.py",
        "WHERE ({_RISES_SQL} OR",
        "WHERE (true OR",
    ),
    "call_claim_without_address_lock": Mutation(
        (CALLS,),
        "conversations/call_claiming.py",
        "    suppression.lock_addresses({address for address, *_ in found})\n",
    ),
    "call_claim_without_lock_of_pauses": Mutation(
        (CALLS,),
        "conversations/call_claiming.py",
        "    pausing.share(account for *_, account in found)\n",
    ),
    "call_claim_without_consent": Mutation(
        (CALLS,),
        "conversations/call_candidates.py",
        "recorded_voice=c.is_script and recorded",
        "recorded_voice=False",
    ),
    "script_without_consent": Mutation(
        (CALLS, "tests/conversations/test_call_talk.py::test_a_consent_that_ended_on_the_way_is_seen"),
        "conversations/call_talk.py",
        "not in consent_records.may_be_played([call.address_id]):\n        # Withdrawn",
        "is None:\n        # Withdrawn",
    ),
    "stop_that_does_not_wait_for_phone_calls": Mutation(
        (CALLS,),
        "conversations/opt_outs.py",
        'return [*messages, *calls.values_list("attempt", flat=True)]',
        "return messages",
    ),
    "lost_calls_are_placed_again": Mutation(
        ("tests/conversations/test_placing_results.py::test_a_lost_answer_is_unknown_and_told",),
        "conversations/placing_results.py",
        'elif error.accepted == "no":',
        "elif not error.permanent:",
    ),
    "calls_may_fall": Mutation(
        ("tests/conversations/test_call_progress.py::test_news_in_any_order_and_often_end_alike",),
        "conversations/call_progress.py",
        '({_rank("k")} < {_rank("n")} OR k.state',
        "(true OR k.state",
    ),
    "call_per_try_not_unique": Mutation(
        (KEYS,), app="conversations", statement="DROP INDEX call_one_per_try"
    ),
    "live_call_not_unique": Mutation((KEYS,), app="conversations", statement="DROP INDEX call_one_live"),
    "rivals_for_a_listed_call_are_not_seen": Mutation(
        (
            "tests/conversations/test_call_reconciling.py"
            "::test_a_call_that_never_left_does_not_take_the_one_that_did",
        ),
        "conversations/call_reconciling.py",
        "or (fitting and _has_rivals(call))",
        "",
    ),
    "late_agents_ring_whoever_they_had": Mutation(
        ("tests/conversations/test_call_talk.py::test_an_agent_whose_phone_rings_late_calls_nobody_elses",),
        "conversations/call_talk.py",
        "if words := call_taking.why_not_rung(call, planned, now=now):",
        "if words := None:",
    ),
    "passages_are_not_counted": Mutation(
        (PROTOCOL,), app="analytics", statement="ALTER TABLE campaigns_enrollment DISABLE TRIGGER USER"
    ),
}


@contextmanager
def copy_of_the_product() -> Iterator[Path]:
    """A folder with every file under version control, and the environment beside them."""
    folder = Path(tempfile.mkdtemp(prefix="truckroll-mutation-"))
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        for name in listed.stdout.decode().split("\0"):
            if name and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        folder.chmod(0o711)  # its servers may run as another user
        _take_seed_along(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _take_seed_along(folder: Path) -> None:
    """The newest migrated cluster of the tests (`tests/seed.py`): where it fits, none is migrated there."""
    seeds = [made.parent for made in ROOT.glob(".test-data/seed-*/migrated")]
    seeds = [seed for seed in seeds if (seed / "servers").is_dir()]  # else it is kept elsewhere
    if seeds:
        newest = max(seeds, key=lambda seed: (seed / "migrated").stat().st_mtime)
        taken = folder / ".test-data" / newest.name
        taken.parent.mkdir()
        subprocess.run(["cp", "-a", str(newest), str(taken)], check=True)
        (taken / "servers.path").unlink(missing_ok=True)  # where they were


def mutate(folder: Path, mutation: Mutation) -> None:
    """Make the change. Raises ValueError where the words are not there exactly once."""
    if mutation.file:
        path = folder / mutation.file
        source = path.read_text()
        if source.count(mutation.words) != 1:
            raise ValueError(f"{mutation.file} has these words {source.count(mutation.words)} times")
        path.write_text(source.replace(mutation.words, mutation.instead))
    if mutation.statement:
        migrations = folder / mutation.app / "migrations"
        latest = max(path.stem for path in migrations.glob("[0-9]*.py"))
        text = _MIGRATION.format(app=mutation.app, latest=latest, statement=mutation.statement)
        (migrations / "9999_mutation.py").write_text(text)


def notices(folder: Path, test: str, stories: str = STORIES) -> bool:
    """Whether the test fails in this copy. Raises RuntimeError where it could not be run."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", test, "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=folder,
        env={**os.environ, "TRUCKROLL_STORIES": stories, "TRUCKROLL_STORIES_SHRINK": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stdout.strip().splitlines()[-1:]
    print(f"{test}: {' '.join(last)}", file=sys.stderr, flush=True)
    failed = " failed" in " ".join(last) and "error" not in " ".join(last)
    if done.returncode != 0 and not failed:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return failed


def try_mutation(name: str) -> bool:
    """Whether every test named for it noticed; prints its line."""
    mutation = MUTATIONS[name]
    noticed = []
    try:
        with copy_of_the_product() as folder:
            mutate(folder, mutation)
            noticed = [test for test in mutation.tests if notices(folder, test)]
    except (ValueError, RuntimeError) as error:
        print(f"{name}: not carried through: {error}", file=sys.stderr, flush=True)
    print(json.dumps({"mutation": name, "noticed_by": noticed}), flush=True)
    return len(noticed) == len(mutation.tests)


def main(argv: list[str]) -> int:
    """Try every mutation; 0 if all were noticed."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutations", description=main.__doc__)
    parser.add_argument("only", nargs="*", choices=[*MUTATIONS, []], default=list(MUTATIONS))
    given = parser.parse_args(argv)
    with copy_of_the_product() as folder:
        tests = dict.fromkeys(test for name in given.only for test in MUTATIONS[name].tests)
        if any(notices(folder, test, STORIES_OF_CONTROL) for test in tests):
            print("a test fails though nothing was taken away", file=sys.stderr)
            return 1
    noticed = [try_mutation(name) for name in given.only]
    return 0 if all(noticed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
