"""Trees of rules over a world of `rule_worlds`, as Hypothesis draws them."""

from hypothesis import strategies as st

from audiences.rules.fields import FIELDS
from audiences.rules.operators import fitting
from audiences.rules.trees import MATCHES
from tests.audiences import rule_worlds

SPANS = st.fixed_dictionaries({"n": st.sampled_from([0, 1, 6, 7, 11, 30]), "unit": st.sampled_from(
    ["days", "weeks", "months", "years"])})  # fmt: skip
DAYS = st.sampled_from(["2026-11-24", "2026-11-23", "2025-12-25", "2016-01-01"])
DATES = {
    "more_ago": SPANS, "in_last": SPANS, "in_past": SPANS, "in_next": SPANS, "more_ahead": SPANS,
    "before": DAYS, "since": DAYS, "known": None, "unknown": None,
}  # fmt: skip
WORDS = st.lists(
    st.sampled_from(["berlin", "Ber", "al", "Ann Doe", "10%", "%", "_", "606", "60601"]), min_size=1
)
NUMBERS = st.sampled_from([-1, 0, 1, 2, 150, 99.5])


def rows_of(world):
    return {
        "audiences.Tag": world.tags,
        "audiences.JobType": world.types,
        "accounts.BusinessUnit": world.units,
        "audiences.Audience": world.audiences,
    }


def _operators(world, key):
    """The comparisons of a field with what may be compared."""
    field = FIELDS[key]
    rows = rows_of(world).get(field.model, [])
    ids = st.lists(st.sampled_from([row.pk for row in rows]), min_size=1, unique=True) if rows else None
    words = st.lists(st.sampled_from(sorted(field.options)), min_size=1) if field.options else WORDS
    listed = words if ids is None else ids
    values = {
        "any_of": listed, "none_of": listed, "is": WORDS, "is_not": WORDS, "starts": WORDS,
        "contains": WORDS, "at_least": NUMBERS, "at_most": NUMBERS, "yes": None, "no": None, **DATES,
    }  # fmt: skip
    return {op: values[op] for op in fitting(field)}


def _given(value):
    return {} if value is None else {"value": value}


def _conditions(world, keys):
    def of(key):
        return st.one_of(
            *(
                st.builds(
                    dict,
                    field=st.just(key),
                    **{"is": st.just(op)},
                    **({} if value is None else {"value": value}),
                )
                for op, value in _operators(world, key).items()
            )
        )

    return st.sampled_from(keys).flatmap(of)


def trees_of(world):
    about = [key for key in rule_worlds.VALUES if "." not in key]
    inside = {
        of: [key for key in rule_worlds.VALUES if key.startswith(f"{of}.")] for of in rule_worlds.ROWS_OF
    }
    matches = st.sampled_from(MATCHES)
    rows = st.one_of(
        *(
            st.builds(
                dict, match=matches, of=st.just(of), rules=st.lists(_conditions(world, keys), max_size=3)
            )
            for of, keys in inside.items()
        )
    )
    leaves = st.one_of(_conditions(world, [*about, "tag", "audience"]), rows)
    exclusions = st.sampled_from([[], [], ["open_job"], ["recent_visit"], ["recall", "do_not_service"]])
    return st.recursive(
        leaves,
        lambda rule: st.builds(
            dict, match=matches, rules=st.lists(rule, min_size=1, max_size=3), exclusions=exclusions
        ),
        max_leaves=8,
    ).map(lambda rule: rule if "field" not in rule else {"match": "all", "rules": [rule]})
