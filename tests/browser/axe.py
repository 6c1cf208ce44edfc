"""axe-core in a page: what breaks WCAG 2.2 A or AA, in words that lead to the place."""

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = Path(__file__).with_name("vendor") / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDTHS = (1280, 390)
OF_COLOUR = ["color-contrast", "link-in-text-block"]
_RUN = """
async (options) => {
  const found = await axe.run(document, {...options, iframes: false, resultTypes: ["violations"]});
  const why = (node) => node.failureSummary.split("\\n").slice(1).join(" ").trim();
  return found.violations.map(({id, help, nodes}) => (
    {id, help, nodes: nodes.map((node) => [node.target.join(" "), why(node)])}));
}
"""


@cache
def _source() -> str:
    return SOURCE.read_text(encoding="utf-8")


def violations(page: Page, *, only_colour: bool = False) -> list[str]:
    """Every violation on the page: rule, what it asks, and the first places that fail it. Frames hold emails,
    which take no scripts, and are not looked into.

    `only_colour`: the rules whose result another colour scheme may change.
    """
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(_source())
    rules = OF_COLOUR if only_colour else TAGS
    options = {"runOnly": {"type": "rule" if only_colour else "tag", "values": rules}}
    found: list[dict[str, Any]] = page.evaluate(_RUN, options)
    return [
        f"{rule['id']} ({rule['help']}), {len(rule['nodes'])}×: {places(rule['nodes'])}" for rule in found
    ]


def places(nodes: list[list[str]]) -> str:
    """The first three places with what is wrong there."""
    return "; ".join(f"`{target}` {why[:160]}" for target, why in nodes[:3])


def by_day_and_night(page: Page) -> list[str]:
    """The violations in the light, and those of colour in the dark."""
    told: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        told += [f"{scheme}: {line}" for line in violations(page, only_colour=scheme == "dark")]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return told
