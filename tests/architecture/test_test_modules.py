"""A module of tests that another one imports is there once: loaded twice, it counts its numbers twice."""

from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_every_folder_of_tests_is_a_package() -> None:
    """Only so pytest gives a module the name under which others import it."""
    folders = {TESTS, *(module.parent for module in TESTS.rglob("*.py"))}
    assert len(folders) > 10
    assert not [folder.name for folder in folders if not (folder / "__init__.py").exists()]
