"""The style sheets hold together: a value that no token has is dropped by browsers, and nobody is told."""

import re
from pathlib import Path

STATIC = Path(__file__).parents[2] / "static"
_DEFINED = re.compile(
    r"(?:^|[{;\s])(--[\w-]+)\s*:", re.M
)  # and no modifier of a class: `.card--danger:hover`
_SET = re.compile(r"setProperty\(\s*[\"'](--[\w-]+)")
_USED = re.compile(r"var\(\s*(--[\w-]+)\s*([,)])")


def test_every_token_in_use_is_defined() -> None:
    sheets = {sheet.name: sheet.read_text() for sheet in sorted((STATIC / "css").glob("*.css"))}
    scripts = "".join(script.read_text() for script in (STATIC / "js").glob("*.js"))
    known = {name for sheet in sheets.values() for name in _DEFINED.findall(sheet)} | {*_SET.findall(scripts)}
    unknown = {
        (sheet, token)
        for sheet, text in sheets.items()
        for token, after in _USED.findall(text)
        if after == ")" and token not in known
    }
    assert len(known) > 50 and not unknown
