"""The documents name only what exists."""

import re
from pathlib import Path

import pytest

from config.celery import QUEUE_OF, RINGS
from tests.product import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = (
    "accounts|analytics|audiences|bench|campaigns|common|config|conversations|docs|integrations|sandbox"
    "|templates|tests"
)
PATH = re.compile(rf"`((?:{PACKAGES})/[\w./*-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
TASK = re.compile(r"`(\w+\.tasks\.\w+)`")


def by_name(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", PAGES, ids=by_name)
def test_every_path_named_exists(document: Path) -> None:
    text = document.read_text()
    named = set(PATH.findall(text))
    assert sorted(path for path in named if not list(ROOT.glob(path.rstrip("/")))) == []
    assert sorted(link for link in set(LINK.findall(text)) if not (document.parent / link).exists()) == []


def test_the_architecture_page_names_modules_and_tasks() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    assert len(set(PATH.findall(text))) > 40
    tasks = set(TASK.findall(text))
    assert tasks and tasks <= QUEUE_OF.keys()
    assert {ring["task"] for ring in RINGS.values()} == set(QUEUE_OF)


@pytest.mark.parametrize("document", [p for p in PAGES if p.parent.name == "adr"], ids=by_name)
def test_a_decision_is_short_and_whole(document: Path) -> None:
    text = document.read_text()
    assert len(text.splitlines()) <= 40
    for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
        assert part in text
    assert text.startswith(f"# {int(document.name[:4])}. ")


def test_every_make_target_and_command_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    commands = {path.stem for path in ROOT.glob("*/management/commands/*.py")}
    for page in PAGES:
        for target in re.findall(r"`make ([a-z]+)", page.read_text()):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"
        for command in re.findall(r"manage\.py ([a-z_]+)", page.read_text()):
            assert command in commands, f"{page.name}: manage.py {command}"
