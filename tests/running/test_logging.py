import logging
import subprocess
import sys

import pytest

from config.logging import mask
from tests.product import ROOT


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("texted +13125550123 twice", "texted +…0123 twice"),
        ("from=+442071838750", "from=+…8750"),
        ("ann.lee+x@mail.example.com wrote", "…@mail.example.com wrote"),
        ("SM0123456789abcdef0123456789abcdef", "SM0123456789abcdef0123456789abcdef"),
        ("step 13125550123", "step 13125550123"),
    ],
)
def test_numbers_and_mailboxes_are_masked(said, logged):
    assert mask(said) == logged


CODE = """
import django; django.setup()
import logging, structlog
structlog.get_logger("campaigns").info("step_sent", step=7, to="+13125550123")
logging.getLogger("any").warning("reply from %s", "+13125550199")
"""


def test_both_kinds_of_records_leave_as_one_line_each(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env={
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "TRUCKROLL_DATA": str(tmp_path),
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stderr.splitlines()
    assert "level=info event=step_sent step=7 to=+…0123" in first
    assert 'level=warning event="reply from +…0199"' in second
    assert logging.getLogger("any").level == logging.NOTSET
