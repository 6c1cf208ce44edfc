"""Every definition of every number, as the page of definitions and `docs/metrics.md` show them."""

from dataclasses import dataclass, replace

from analytics import metrics, results, spending
from analytics.metrics import Metric, sending

DASH = "–"


@dataclass(frozen=True)
class Group:
    """Numbers that are seen together."""

    slug: str
    title: str
    note: str
    metrics: tuple[Metric, ...]


def groups() -> tuple[Group, ...]:
    """Every number of the product, group by group."""
    return (
        Group(
            "tiles", "Dashboard", "Of the whole account, at this moment; “today” is company time.",
            (*metrics.TILE_METRICS.values(), *metrics.PART_METRICS.values(), *metrics.TODAY_METRICS.values()),
        ),
        Group(
            "campaign", "Campaign", "Of one campaign as a whole.",
            (*metrics.CAMPAIGN_METRICS.values(), *spending.METRICS.values()),
        ),
        Group(
            "nodes", "Node table",
            "One row per node of the workflow. Entered = scheduled + queued + waiting + completed + failed + "
            "skipped, at every instant.",
            (*metrics.NODE_METRICS.values(), *results.RESULT_METRICS.values()),
        ),
        Group(
            "assignments", "Assignments",
            "By playbook and campaign, in a range of minutes, both ends included.",
            tuple(sending.ASSIGNMENT_METRICS.values()),
        ),
        Group(
            "sending", "Sending",
            "Texts, emails and calls of campaigns, in a range of minutes, both ends included. Planned = "
            "Pending + Cancelled + Sent + Failed + Rejected + Expired: a message counts once, under the "
            "status it has now, at the instant it took it. Delivered, Bounced and Blocked are parts of Sent, "
            "and Spam reported of Delivered, for all time; inside a range each counts at its own instant. "
            "Of calls the outcomes add up to Called, inside any range, too; tries are counted beside.",
            (
                *_both(sending.SENDING_METRICS), *_both(sending.RATE_METRICS),
                *_of_calls(sending.SENDING_METRICS), *_of_calls(sending.RATE_METRICS),
            ),
        ),
        Group(
            "people", "Replies by people", "Texts that people wrote in threads, part of no campaign.",
            tuple(sending.AGENT_METRICS.values()),
        ),
    )  # fmt: skip


def numerator(metric: Metric) -> str:
    """The counters that are summed, as code names them."""
    return " + ".join(metric.columns)


def denominator(metric: Metric) -> str:
    """The counters that a rate is divided by; blank for numbers that are none."""
    return " + ".join(metric.over)


def markdown() -> str:
    """The text of `docs/metrics.md`."""
    lines = [
        "# Numbers",
        "",
        "Written by `manage.py write_definitions` from `analytics/metrics/`; the product shows the same",
        "under `/analytics/definitions/`. Every number opens the list of its rows, with exactly that many.",
    ]
    for group in groups():
        lines += ["", f"## {group.title}", "", group.note, ""]
        lines += ["| Number | Means | Unit | Counters | Divided by | Counts | A row behind it is |"]
        lines += ["|---|---|---|---|---|---|---|"]
        for metric in group.metrics:
            cells = (
                f"**{metric.label}** `{metric.name}`", metric.meaning, metric.unit,
                f"`{numerator(metric)}`", f"`{denominator(metric)}`" if metric.over else DASH,
                metric.at or DASH, metric.rows,
            )  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _both(found: dict[str, Metric]) -> tuple[Metric, ...]:
    """What texts and emails have in common, told once."""
    told = []
    for metric in found.values():
        channel, _, name = metric.name.partition(":")
        if channel == sending.TEXT:
            told.append(
                replace(
                    metric, name=f"text:{name}, email:{name}", columns=_either(metric.columns),
                    over=_either(metric.over), unit="share" if metric.over else "texts or emails",
                    opens="" if metric.over else "one text or email",
                )
            )  # fmt: skip
    return tuple(told)


def _of_calls(found: dict[str, Metric]) -> tuple[Metric, ...]:
    return tuple(metric for name, metric in found.items() if name.startswith(f"{sending.CALL}:"))


def _either(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(column.replace("text:", "…:") for column in columns)
