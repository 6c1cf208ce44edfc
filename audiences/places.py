"""From a service address and phones to candidate time zones and states. Pure; no database.

The rule looks at where the person is. The service address says it best; where ZIP and state disagree, or a
state spans zones and the ZIP does not settle it, every possibility is a candidate. A phone's area code is a
further candidate only where it contradicts the address, but its state's law always counts (some states
presume that a number of theirs rings at home). No candidate at all is "unknown", and the narrow window of
`hours` applies.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from phonenumbers.tzdata import TIMEZONE_DATA

from audiences.area_codes import STATE_OF_AREA_CODE

REVIEWED = "2026-11-21"
EASTERN, CENTRAL = "America/New_York", "America/Chicago"
MOUNTAIN, PACIFIC = "America/Denver", "America/Los_Angeles"
ARIZONA, ALASKA, ALEUTIAN = "America/Phoenix", "America/Anchorage", "America/Adak"
HAWAII, ATLANTIC = "Pacific/Honolulu", "America/Puerto_Rico"

# A number valid in more zones than this says nothing about a place (toll-free, satellite).
MOST_ZONES_OF_A_PLACE = 4
LONGEST_KEY = 200  # the width of ZoneSet.key

_BY_ZONE = {
    EASTERN: "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC TN VA VT WV",
    CENTRAL: "AL AR FL IA IL IN KS KY LA MI MN MO MS ND NE OK SD TN TX WI",
    MOUNTAIN: "AZ CO ID KS MT ND NE NM NV OR SD TX UT WY",
    PACIFIC: "CA ID NV OR WA",
    ARIZONA: "AZ",
    ALASKA: "AK",
    ALEUTIAN: "AK",
    HAWAII: "HI",
    ATLANTIC: "PR VI",
    "Pacific/Guam": "GU MP",
    "Pacific/Pago_Pago": "AS",
}
STATE_ZONES: dict[str, frozenset[str]] = {}
for _zone, _states in _BY_ZONE.items():
    for _state in _states.split():
        STATE_ZONES[_state] = STATE_ZONES.get(_state, frozenset()) | {_zone}

# For states of several zones: three-digit ZIP areas that lie wholly in one. Areas named nowhere stay
# ambiguous and keep every zone of the state. ("*" = every other area of the state.)
_SETTLED_ZIPS: dict[str, dict[str, str]] = {
    "AK": {"*": ALASKA},
    "AZ": {"*": ARIZONA, "860": "", "865": ""},
    "FL": {"*": EASTERN, "324": CENTRAL, "325": CENTRAL},
    "ID": {"832 833 834 836 837": MOUNTAIN, "838": PACIFIC},
    "IN": {"*": EASTERN, "463 464 476 477": CENTRAL, "465 475 479": ""},
    "KS": {"*": CENTRAL, "677 678": ""},
    "KY": {"*": EASTERN, "420 421 422 423 424": CENTRAL, "401 425 426 427": ""},
    "MI": {"*": EASTERN, "498 499": ""},
    "ND": {"*": CENTRAL, "585 586 588": ""},
    "NE": {"*": CENTRAL, "690 691 692": "", "693": MOUNTAIN},
    "NV": {"*": PACIFIC, "898": ""},
    "OR": {"*": PACIFIC, "979": ""},
    "SD": {"570 571 572 573 574": CENTRAL, "577": MOUNTAIN},
    "TN": {"370 371 372 380 381 382 383 384 385": CENTRAL, "374 376 377 378 379": EASTERN},
    "TX": {"*": CENTRAL, "798": "", "799 885": MOUNTAIN},
}
# Inside a settled area, yet in another zone: Gulf County's coast (Eastern), the western Aleutians.
_UNSETTLED_WITHIN = {"32456", "32457", "99546", "99547"}

_ZIP_RANGES = (
    "005-005 NY,006-007 PR,008-008 VI,009-009 PR,010-027 MA,028-029 RI,030-038 NH,039-049 ME,050-054 VT,"
    "055-055 MA,056-059 VT,060-069 CT,070-089 NJ,100-149 NY,150-196 PA,197-199 DE,200-200 DC,201-201 VA,"
    "202-205 DC,206-219 MD,220-246 VA,247-268 WV,270-289 NC,290-299 SC,300-319 GA,320-349 FL,350-369 AL,"
    "370-385 TN,386-397 MS,398-399 GA,400-427 KY,430-459 OH,460-479 IN,480-499 MI,500-528 IA,530-549 WI,"
    "550-567 MN,569-569 DC,570-577 SD,580-588 ND,590-599 MT,600-629 IL,630-658 MO,660-679 KS,680-693 NE,"
    "700-714 LA,716-729 AR,730-732 OK,733-733 TX,734-749 OK,750-799 TX,800-816 CO,820-831 WY,832-838 ID,"
    "840-847 UT,850-865 AZ,870-884 NM,885-885 TX,889-898 NV,900-961 CA,967-968 HI,969-969 GU,970-979 OR,"
    "980-994 WA,995-999 AK"
)
STATE_OF_ZIP_AREA: dict[str, str] = {
    f"{area:03}": entry[8:]
    for entry in _ZIP_RANGES.split(",")
    for area in range(int(entry[:3]), int(entry[4:7]) + 1)
}

# Zones that have kept the same time for decades: one name each, so that contacts share rows and windows.
_SAME_AS = {
    "America/Detroit": EASTERN,
    "America/Indiana/Indianapolis": EASTERN,
    "America/Indianapolis": EASTERN,
    "America/Louisville": EASTERN,
    "America/Kentucky/Louisville": EASTERN,
    "America/Toronto": EASTERN,
    "America/North_Dakota/Center": CENTRAL,
    "America/Boise": MOUNTAIN,
    "America/Juneau": ALASKA,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Sorted candidate zones (IANA names) and states; both empty where nothing is known."""

    zones: tuple[str, ...] = ()
    states: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The one spelling under which a ZoneSet of these candidates is stored; a digest of one too long."""
        spelled = f"{','.join(self.zones) or 'unknown'}|{','.join(self.states)}"
        if len(spelled) <= LONGEST_KEY:
            return spelled
        return f"{len(self.zones)} zones|{blake2b(spelled.encode(), digest_size=16).hexdigest()}"


def locate(*, state: str = "", zip_code: str = "", phones: Iterable[str] = ()) -> Place:
    """The candidates of somebody at this service address with these phones (E.164)."""
    zones, states = _of_address(state.strip().upper(), re.sub(r"\D", "", zip_code)[:5])
    phone_zones: set[str] = set()
    for phone in phones:
        of_phone = zones_of_phone(phone)
        if not of_phone & zones:
            phone_zones |= of_phone
        if phone.startswith("+1") and (home := STATE_OF_AREA_CODE.get(phone[2:5])):
            states.add(home)
    zones |= phone_zones
    return Place(tuple(sorted(zones)), tuple(sorted(states)) if zones else ())


def _of_address(state: str, zip5: str) -> tuple[set[str], set[str]]:
    by_zip = STATE_OF_ZIP_AREA.get(zip5[:3], "") if len(zip5) == 5 else ""
    states = {found for found in (state, by_zip) if found in STATE_ZONES}
    zones: set[str] = set()
    for found in states:
        settled = _settled(found, zip5) if found == by_zip else ""
        zones |= {settled} if settled else STATE_ZONES[found]
    return zones, states


def _settled(state: str, zip5: str) -> str:
    """The one zone of this ZIP, or an empty text where it is not settled."""
    if state not in _SETTLED_ZIPS or zip5 in _UNSETTLED_WITHIN:
        return ""
    for areas, zone in _SETTLED_ZIPS[state].items():
        if zip5[:3] in areas.split():
            return zone
    return _SETTLED_ZIPS[state].get("*", "")


def zones_of_phone(phone: str) -> set[str]:
    """The zones in which a number of this area code may have been issued; empty where it names no place."""
    prefix = phone.lstrip("+")
    return set(_zones_of_prefix(prefix[:4] if prefix.startswith("1") else prefix[:7]))


@lru_cache(maxsize=2000)
def _zones_of_prefix(prefix: str) -> frozenset[str]:
    """All zones known below a prefix (an area code spans what its exchanges do), else those above it."""
    found = {
        _SAME_AS.get(z, z)
        for known, zones in TIMEZONE_DATA.items()
        if known.startswith(prefix)
        for z in zones
    }
    above = prefix
    while not found and above:
        above = above[:-1]
        found = {_SAME_AS.get(z, z) for z in TIMEZONE_DATA.get(above, ())}
    return frozenset(found) if len(found) <= MOST_ZONES_OF_A_PLACE else frozenset()
