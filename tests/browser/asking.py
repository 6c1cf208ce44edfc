"""Questions to a page: each script is an object of functions, evaluated where the page is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page


def questions(script: Path) -> Callable[..., Any]:
    """The functions of a script, to be asked of a page by their names."""
    source = script.read_text(encoding="utf-8")

    def ask(page: Page, what: str, argument: Any = None) -> Any:
        return page.evaluate(f"(argument) => ({source}).{what}(argument)", argument)

    return ask


layout = questions(Path(__file__).with_name("layout.js"))
"""`layout(page, "wider", 390)`: the answer of one of the functions in `layout.js`."""
live = questions(Path(__file__).with_name("live.js"))
"""The same for `live.js`."""
