"""The table of the law's hours: complete, never wider than federal law, and read again every year."""

from datetime import date

import pytest
from django.core import checks

from audiences import state_hours
from audiences.state_hours import BadTable
from common import clock
from tests.audiences.people import NOON

LINES = state_hours.TABLE.read_text(encoding="utf-8").splitlines()
HEAD = LINES[0]


def changed(state: str, **cells: str) -> list[str]:
    """The table with other cells in one row."""
    names = HEAD.split(",")
    found = []
    for line in LINES:
        values = line.split(",", len(names) - 1)
        if values[0] == state:
            values = [cells.get(name, value) for name, value in zip(names, values, strict=True)]
        found.append(",".join(values))
    return found


def test_every_state_and_territory_has_a_row_with_its_source():
    assert len(state_hours.STATES) == 56
    assert {"DC", "PR", "GU", "VI", "AS", "MP"} <= state_hours.STATES.keys()
    for row in state_hours.STATES.values():
        assert row.source and row.rule and row.reviewed > date(2026, 1, 1)
    assert {row.state for row in state_hours.STATES.values() if row.area_code_presumed} == {"FL", "OK"}
    assert {row.state for row in state_hours.STATES.values() if row.holidays_closed} == {"PA"}


def test_a_rule_that_is_disputed_for_texts_binds_texts():
    assert all(state_hours.TEXT in row.media for row in state_hours.STATES.values() if not row.covers)
    calls_alone = state_hours.read(changed("OH", weekday="10:00-12:00", covers="calls"))
    assert calls_alone["OH"].media == {state_hours.CALL}


@pytest.mark.parametrize(
    "cells",
    [
        {"weekday": "7:00-20:00"},
        {"sunday": "9:00-21:30"},
        {"saturday": "20:00-9:00"},
        {"saturday": "nine to five"},
        {"holiday": "open"},
        {"covers": "faxes"},
        {"area_code_presumed": "maybe"},
        {"confidence": "certain"},
        {"source": ""},
        {"reviewed": "last year"},
    ],
)
def test_a_bad_row_is_refused_as_the_table_is_loaded(cells):
    with pytest.raises(BadTable, match="OH"):
        state_hours.read(changed("OH", **cells))


def test_a_doubled_row_or_an_unknown_state_is_refused():
    for line in (LINES[1], LINES[1].replace("AL", "ZZ", 1)):
        with pytest.raises(BadTable, match="no state, or one named before"):
            state_hours.read([*LINES, line])


def test_a_missing_row_is_refused():
    with pytest.raises(BadTable, match="without a row: OH"):
        state_hours.read([line for line in LINES if not line.startswith("OH,")])


def test_a_year_without_review_is_warned_of(monkeypatch):
    def warnings():
        return [found for found in checks.run_checks() if found.id == "audiences.W001"]

    monkeypatch.setattr(clock, "now", lambda: NOON)
    assert warnings() == []
    later = NOON.replace(year=2028)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert len(state_hours.overdue(later.date())) == 56
    assert "56 states" in warnings()[0].msg
