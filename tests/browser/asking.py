"""Questions to a page: each script is an object of functions, evaluated where the page is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page


def _questions(name: str) -> Callable[..., Any]:
    source = Path(__file__).with_name(name).read_text(encoding="utf-8")

    def ask(page: Page, what: str, argument: Any = None) -> Any:
        return page.evaluate(f"(argument) => ({source}).{what}(argument)", argument)

    return ask


layout = _questions("layout.js")
"""`layout(page, "wider", 390)`: the answer of one of the functions in `layout.js`."""
live = _questions("live.js")
"""The same for `live.js`."""
