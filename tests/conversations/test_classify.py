"""`manage.py classify`: its figures on replies whose reading is known, and its refusals."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from conversations import reading
from tests.product import ROOT


def write(folder: Path, *rows: str, header: str = "text\tlabel") -> Path:
    file = folder / "replies.tsv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def classify(file: Path) -> dict[str, Any]:
    out = StringIO()
    call_command("classify", str(file), stdout=out)
    assert out.getvalue().count("\n") == 1
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_figures_are_counted_as_the_contract_says(tmp_path: Path) -> None:
    answer = classify(
        write(
            tmp_path,
            "STOP\toptout",
            "please quit texting me\toptout",
            "yes\toptout",  # missed: read as a yes, and routed
            "zzz qqq\toptout",  # not recognised, yet held: not missed
            "Yes please\tbooking_yes",
            "stop\tbooking_yes",  # a wrong opt-out
            "!!!\tother",  # held: nothing to read
            "How much is it?\tquestion",
        )
    )
    assert answer["labels"]["optout"] == {"precision": 0.6667, "recall": 0.5, "n": 4}
    assert answer["labels"]["booking_yes"] == {"precision": 0.5, "recall": 0.5, "n": 2}
    assert answer["labels"]["reschedule"] == {"precision": None, "recall": None, "n": 0}
    assert answer["labels"]["other"] == {"precision": 0.5, "recall": 1.0, "n": 1}
    assert set(answer["labels"]) == set(reading.LABELS)
    assert (answer["held"], answer["missed_optouts"]) == (0.25, 0.25)
    assert 0 < answer["ms_per_reply"] < 50


def test_every_share_has_its_interval(tmp_path: Path) -> None:
    answer = classify(write(tmp_path, *["STOP\toptout"] * 9, "yes\toptout", "!!!\tother", "thanks\tother"))
    intervals = answer["intervals"]
    # Wilson (1927): 9 of 10 is 0.5958 to 0.9821, 1 of 2 is 0.0945 to 0.9055.
    assert intervals["labels"]["optout"]["recall"] == [0.5958, 0.9821]
    assert intervals["missed_optouts"] == [0.0179, 0.4042]
    assert intervals["held"] == [0.0945, 0.9055]
    assert intervals["labels"]["question"] == {"precision": None, "recall": None}
    assert set(intervals["labels"]) == set(reading.LABELS)


def test_shares_of_nothing_are_null(tmp_path: Path) -> None:
    assert classify(write(tmp_path, "STOP\toptout"))["held"] is None
    assert classify(write(tmp_path, "Yes\tbooking_yes"))["missed_optouts"] is None


def test_columns_are_found_by_name_and_quotes_are_words(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        '1\toptout\t"Please ""stop"" texting me"\r',
        '2\tquestion\t"Tune-up" means what?',
        "",
        header="\ufeffid\tlabel\ttext",
    )
    answer = classify(file)
    assert answer["labels"]["optout"] == {"precision": 1.0, "recall": 1.0, "n": 1}
    assert answer["labels"]["question"] == {"precision": 1.0, "recall": 1.0, "n": 1}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: no such file"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"text\tlabel\n", "no replies"),
        (b"text\tmeaning\nYes\tbooking_yes\n", "no column “label”"),
        (b"body\tlabel\nYes\tbooking_yes\n", "no column “text”"),
        (b"text\tlabel\nYes\tbooking_yes\nNo\tnope\n", "line 3: “nope” is no label"),
        (b"text\tlabel\nYes\tbooking_yes\n\nNo\n", "line 4: a tab and a second cell are missing"),
        (b"text\tlabel\n\xff\xfe\tother\n", "not UTF-8"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "replies.tsv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=words) as refused:
        classify(file)
    assert refused.value.returncode == 2


def test_the_command_runs_without_a_database(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TRUCKROLL_")}
    environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "TRUCKROLL_DATA": str(tmp_path / "data")}

    def run(file: Path) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "manage.py", "classify", str(file)]
        return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    done = run(write(tmp_path, "STOP\toptout"))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["labels"]["optout"]["recall"] == 1
    refused = run(tmp_path / "missing.tsv")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "missing.tsv cannot be read" in refused.stderr
