"""What `make mutations` takes away is there to be taken away, and the tests named beside it exist."""

import pytest

from bench.mutations import MUTATIONS
from bench.product import ROOT


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_fits_the_source(name: str) -> None:
    mutation = MUTATIONS[name]
    if mutation.file:
        assert (ROOT / mutation.file).read_text().count(mutation.words) == 1
    for test in mutation.tests:
        path, _, function = test.partition("::")
        assert f"def {function or 'test_'}" in (ROOT / path).read_text()
