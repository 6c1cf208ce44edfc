"""Segment counts, against facts of the GSM and UCS-2 alphabets."""

import pytest

from common.segments import count_segments

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1fa\U0001f1f8"

VECTORS = [
    ("", 1, "GSM-7", 0),
    ("a", 1, "GSM-7", 1),
    ("a" * 160, 1, "GSM-7", 160),
    ("a" * 161, 2, "GSM-7", 161),
    ("a" * 306, 2, "GSM-7", 306),
    ("a" * 307, 3, "GSM-7", 307),
    ("a" * 459, 3, "GSM-7", 459),
    ("a" * 460, 4, "GSM-7", 460),
    ("a" * 1600, 11, "GSM-7", 1600),
    ("€", 1, "GSM-7", 2),
    ("€" * 80, 1, "GSM-7", 160),
    ("€" * 81, 2, "GSM-7", 162),
    # 153 is odd: 76 signs of two units fill 152, and one unit of every segment stays empty.
    ("€" * 152, 2, "GSM-7", 304),
    ("€" * 153, 3, "GSM-7", 306),
    ("a" * 152 + "€" + "a" * 152, 3, "GSM-7", 306),
    ("a" * 158 + "€", 1, "GSM-7", 160),
    ("a" * 159 + "€", 2, "GSM-7", 161),
    ("^{}\\[~]|", 1, "GSM-7", 16),
    ("\f", 1, "GSM-7", 2),
    ("\f" * 80 + "a", 2, "GSM-7", 161),
    ("£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", 1, "GSM-7", 39),
    ("@$_!\"#%&'()*+,-./:;<=>?", 1, "GSM-7", 23),
    ("a\nb", 1, "GSM-7", 3),
    ("a\r\nb", 1, "GSM-7", 3),
    ("a\rb", 1, "GSM-7", 3),
    ("é" * 160, 1, "GSM-7", 160),
    ("á", 1, "UCS-2", 1),
    ("ç", 1, "UCS-2", 1),
    ("`", 1, "UCS-2", 1),
    ("\t", 1, "UCS-2", 1),
    ("\x1b", 1, "UCS-2", 1),
    ("“Hi”", 1, "UCS-2", 4),
    ("We’re", 1, "UCS-2", 5),
    ("5–7", 1, "UCS-2", 3),
    ("…", 1, "UCS-2", 1),
    ("á" * 70, 1, "UCS-2", 70),
    ("á" * 71, 2, "UCS-2", 71),
    ("á" * 134, 2, "UCS-2", 134),
    ("á" * 135, 3, "UCS-2", 135),
    ("😀", 1, "UCS-2", 2),
    ("😀" * 35, 1, "UCS-2", 70),
    ("😀" * 36, 2, "UCS-2", 72),
    # 67 is odd as well: an emoji that would straddle moves on whole.
    ("😀" * 66, 2, "UCS-2", 132),
    ("😀" * 67, 3, "UCS-2", 134),
    (FLAG, 1, "UCS-2", 4),
    (FAMILY, 1, "UCS-2", 8),
    ("a" * 160 + "’", 3, "UCS-2", 161),
    ("€" + "á", 1, "UCS-2", 2),
]


@pytest.mark.parametrize(("text", "segments", "encoding", "units"), VECTORS)
def test_segments_match_the_alphabets(text: str, segments: int, encoding: str, units: int) -> None:
    found = count_segments(text)
    assert (found.count, found.encoding, found.units) == (segments, encoding, units)


def test_the_first_character_that_forces_unicode_is_named() -> None:
    assert count_segments("We’re here – now").forced_by == "’"
    assert count_segments("We are here").forced_by == ""
