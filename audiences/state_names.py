"""From a state as people write it to its two letters, which decide time zones and lawful hours. Pure."""

import re

NAMES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia",
    "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana",
    "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine", "MD": "Maryland",
    "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi", "MO": "Missouri",
    "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio",
    "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina",
    "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont",
    "VA": "Virginia", "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
    "AS": "American Samoa", "GU": "Guam", "MP": "Northern Mariana Islands", "PR": "Puerto Rico",
    "VI": "Virgin Islands",
}  # fmt: skip
_CODES = {name.upper(): code for code, name in NAMES.items()} | {
    "WASHINGTON DC": "DC",
    "US VIRGIN ISLANDS": "VI",
}


def state_code(text: str) -> str:
    """`MN` for `mn`, `M.N.` or `Minnesota`; any two letters as they are; empty for everything else.

    A name is never cut: `Minnesota` would become Michigan. What is not understood is not known, and the
    ZIP and the phones say where somebody is.
    """
    plain = re.sub(r"\s+", " ", re.sub(r"[.,]", "", text)).strip().upper()
    return plain if re.fullmatch(r"[A-Z]{2}", plain) else _CODES.get(plain, "")
