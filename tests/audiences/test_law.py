"""Nothing leaves at an hour the law forbids: every state, a whole year, both changes of the clocks.

The model below is plain on purpose. Its rules are typed in anew and its loop knows nothing of openings, so
that a mistake in the product's table or arithmetic is not made here, too.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from audiences import hours, suppression
from audiences.models import SendWindow, ZoneSet
from audiences.places import locate
from tests.audiences import people

QUARTER = timedelta(minutes=15)
BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
EASTERN, CENTRAL, MOUNTAIN = "America/New_York", "America/Chicago", "America/Denver"
PACIFIC, ARIZONA = "America/Los_Angeles", "America/Phoenix"
HOME = {
    EASTERN: "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
    CENTRAL: "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    MOUNTAIN: "CO ID MT NM UT WY",
    PACIFIC: "CA NV OR WA",
    ARIZONA: "AZ",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
}
ZONE = {state: zone for zone, states in HOME.items() for state in states.split()}
# state → (workday, Saturday, Sunday), each (from hour, to hour) or None; all others are 8 to 21.
NARROW: dict[str, tuple[tuple[int, int] | None, ...]] = {
    **dict.fromkeys(("FL", "OK", "MD", "WA", "MA"), ((8, 20), (8, 20), (8, 20))),
    **dict.fromkeys(("CT", "NV"), ((9, 20), (9, 20), (9, 20))),
    "KY": ((10, 21), (10, 21), (10, 21)),
    **dict.fromkeys(("MI", "MN", "NM"), ((9, 21), (9, 21), (9, 21))),
    **dict.fromkeys(("AL", "LA", "MS"), ((8, 20), (8, 20), None)),
    "RI": ((9, 18), (10, 17), (10, 17)),
    "TX": ((9, 21), (9, 21), (12, 21)),
}
NO_HOLIDAYS = {"PA"}
HOLIDAYS = {  # of 2026: Independence Day is a Saturday and kept on the Friday before
    date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25), date(2026, 6, 19),
    date(2026, 7, 3), date(2026, 7, 4), date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11),
    date(2026, 11, 26), date(2026, 12, 25),
}  # fmt: skip
ALL_DAY = SendWindow(start_minute=0, end_minute=1440, days=127)
USUAL = SendWindow(start_minute=540, end_minute=1140, days=63)
ODD = SendWindow(
    start_minute=495, end_minute=1235, days=0b1010111, rests_on_holidays=True, closed_on=[date(2026, 3, 9)]
)


def lawful(moment: datetime, states: list[str], zones: list[str]) -> bool:
    """Whether somebody who may be in these zones, under these states' law, may be reached at this instant."""
    for zone in zones:
        local = moment.astimezone(ZoneInfo(zone))
        clock = local.hour + local.minute / 60
        if not 8 <= clock < 21:
            return False
        for state in states:
            workday, saturday, sunday = NARROW.get(state, ((8, 21), (8, 21), (8, 21)))
            span = {5: saturday, 6: sunday}.get(local.weekday(), workday)
            if span is None or not span[0] <= clock < span[1]:
                return False
            if state in NO_HOLIDAYS and local.date() in HOLIDAYS:
                return False
    return True


def wanted(moment: datetime, zones: list[str], window: SendWindow) -> bool:
    """Whether the window holds in all of these zones."""
    for zone in zones:
        local = moment.astimezone(ZoneInfo(zone))
        minute = 60 * local.hour + local.minute
        if not window.start_minute <= minute < window.end_minute or not window.days & 1 << local.weekday():
            return False
        if local.date() in window.closed_on or (window.rests_on_holidays and local.date() in HOLIDAYS):
            return False
    return True


def year_of(row: ZoneSet, window: SendWindow, medium: str) -> list[hours.Span]:
    """Every opening of the year, put together from what is computed a fortnight at a time."""
    found: set[hours.Span] = set()
    now = BEGIN
    while now < END:
        found.update(hours.openings(row, window, medium, now))
        now += timedelta(days=7)
    return sorted(found)


def instants() -> list[datetime]:
    """Every hour of the year, and every quarter of it on days around both changes of the clocks."""
    found = [BEGIN + timedelta(hours=hour) for hour in range(365 * 24)]
    for change in (datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)):
        found += [change + QUARTER * step for step in range(-96, 3 * 96)]
    return sorted(set(found))


INSTANTS = instants()


def differences(
    row: ZoneSet, states: list[str], zones: list[str], window: SendWindow, medium: str
) -> tuple[list[datetime], list[datetime]]:
    """Instants allowed against the law or the window, and instants needlessly refused."""
    spans = year_of(row, window, medium)
    edges = {edge + QUARTER * step for span in spans for edge in span for step in (-1, 0, 1)}
    edges |= {closes - timedelta(seconds=1) for _, closes in spans}
    unlawful, lost, at = [], [], 0
    for moment in sorted({*INSTANTS, *(edge for edge in edges if BEGIN <= edge < END)}):
        while at < len(spans) and spans[at][1] <= moment:
            at += 1
        inside = at < len(spans) and spans[at][0] <= moment
        may = lawful(moment, states, zones) and wanted(moment, zones, window)
        if inside and not may:
            unlawful.append(moment)
        elif may and not inside:
            lost.append(moment)
    return unlawful, lost


def check(states: list[str], zones: list[str], window: SendWindow, medium: str) -> None:
    row = ZoneSet(key="x", zones=zones, states=states)
    unlawful, lost = differences(row, states, zones, window, medium)
    assert (unlawful, lost) == ([], [])


@pytest.mark.parametrize("state", sorted(ZONE))
def test_no_opening_of_a_state_lies_outside_its_law_and_none_is_lost(state: str) -> None:
    check([state], [ZONE[state]], ALL_DAY, "text")
    check([state], [ZONE[state]], ODD, "call")


@pytest.mark.parametrize(
    ("states", "zones"),
    [
        (["FL"], [EASTERN, CENTRAL]),
        (["IN", "KY"], [EASTERN, CENTRAL]),
        (["AZ"], [ARIZONA, MOUNTAIN]),  # alike in winter only
        (["NY", "WA"], [EASTERN, PACIFIC]),
        (["AK", "PA", "TX"], ["America/Anchorage", EASTERN, CENTRAL]),
        (["AL", "RI"], [EASTERN]),  # the area code's state beside the address's
    ],
)
@pytest.mark.parametrize("window", [ALL_DAY, USUAL, ODD], ids=["all day", "usual", "odd"])
def test_every_candidate_zone_and_state_must_allow_it(states, zones, window) -> None:
    check(states, zones, window, "text")


def test_an_area_code_brings_its_states_law() -> None:
    place = locate(
        state="GA", zip_code="30301", phones=["+19045550100"]
    )  # Atlanta, with a Jacksonville phone
    assert place.states == ("FL", "GA")
    check(["FL", "GA"], [EASTERN], ALL_DAY, "text")
    unlawful, _ = differences(
        ZoneSet(key="x", zones=[EASTERN], states=["GA"]), ["FL", "GA"], [EASTERN], ALL_DAY, "text"
    )
    assert unlawful  # what forgetting the area code would allow


@pytest.mark.parametrize("window", [ALL_DAY, USUAL, ODD], ids=["all day", "usual", "odd"])
def test_somebody_of_whom_no_place_is_known_is_reached_in_the_narrow_hours(window) -> None:
    spans = year_of(ZoneSet(key="unknown|", zones=[], states=[]), window, "text")
    for opens, closes in spans:
        moment = opens
        while moment < closes:
            local = moment.astimezone(ZoneInfo(EASTERN))
            assert local.weekday() < 5 and 14 <= local.hour < 18 and local.date() not in HOLIDAYS
            assert wanted(moment, [EASTERN], window)
            assert all(lawful(moment, [state], [EASTERN]) for state in ZONE)
            moment += QUARTER
    assert len(spans) >= 3 * 48  # and those are not shut away


@pytest.mark.django_db
def test_the_gate_allows_no_hour_that_the_plain_model_forbids() -> None:
    account = people.account()
    window = SendWindow.objects.create(start_minute=0, end_minute=1440, days=127)
    zips = {"FL": "33101", "RI": "02903", "TX": "75201", "PA": "19103", "KY": "40202", "AK": "99501"}
    crowd = []
    for state, zip_code in zips.items():
        someone = people.contact(account, zone_set=hours.zone_set_for(state=state, zip_code=zip_code))
        crowd.append((state, someone, people.phone(someone)))
    days = (date(2026, 3, 8), date(2026, 7, 3), date(2026, 8, 15), date(2026, 11, 1), date(2026, 11, 26))
    judged = {True: 0, False: 0}
    for day in days:
        for step in range(48):
            now = datetime(day.year, day.month, day.day, 4, tzinfo=UTC) + timedelta(minutes=30) * step
            reaches = {
                (state, medium): people.reach(who, phone, window_id=window.pk, medium=medium)
                for state, who, phone in crowd
                for medium in ("text", "call")
            }
            found = suppression.may_reach(list(reaches.values()), now=now)
            for (state, _), reach in reaches.items():
                may = lawful(now, [state], [ZONE[state]])
                assert found[reach.key].allowed == may, (state, now)
                judged[may] += 1
    assert min(judged.values()) > 500
