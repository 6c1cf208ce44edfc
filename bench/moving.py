"""A campaign whose thousands of people wait, moved to another version of its workflow: for whoever kills the
worker amid it.

Run in the product's environment: `python -m bench.moving launch 2500`, then `… move <campaign>`; each prints
JSON.
"""

import argparse
import json
from typing import Any

from bench import load_company
from bench.load_company import WAIT_MINUTES

Graph = tuple[list[load_company.Node], list[tuple[str, str, str]]]
WAIT: load_company.Node = ("pause", "wait", "Pause", {"minutes": WAIT_MINUTES})
LONGER: load_company.Node = ("pause", "wait", "Pause", {"minutes": 2 * WAIT_MINUTES})
TEXT: load_company.Node = ("text", "send_sms", "Text", {"body": load_company.TEXT})
MORE: load_company.Node = ("more", "send_sms", "More", {"body": load_company.TEXT})
FIRST: Graph = ([WAIT, TEXT], [("pause", "next", "text")])
SECOND: Graph = ([LONGER, TEXT, MORE], [("pause", "next", "text"), ("text", "next", "more")])


def launch(customers: int) -> dict[str, Any]:
    """Launch to that many new customers, who all wait."""
    return load_company.launch(customers, version=_version)


def _version(account: Any) -> Any:
    return _publish(account, FIRST)


def _publish(account: Any, drawn: Graph) -> Any:
    from campaigns import publishing
    from campaigns.models import Workflow
    from common import clock

    workflow, _ = Workflow.objects.get_or_create(account=account, name="Waits")
    nodes, edges = drawn
    version = publishing.draft(workflow, nodes=nodes, edges=edges, by=None, now=clock.now())
    publishing.publish(version, by=None, now=clock.now())
    version.refresh_from_db()
    return version


def move(campaign_id: int) -> dict[str, Any]:
    """Begin to move everybody to a second version, in which they wait longer."""
    from campaigns import version_moves
    from campaigns.models import Campaign
    from common import clock

    campaign = Campaign.objects.select_related("account").get(pk=campaign_id)
    version = _publish(campaign.account, SECOND)
    begun = version_moves.begin(campaign, version, {}, by=None, now=clock.now())
    return {"move": begun.pk, "version": version.pk, "before": begun.before_id, "people": begun.people}


def main() -> None:
    """Run one command and print its answer as JSON."""
    import django

    parser = argparse.ArgumentParser(prog="python -m bench.moving")
    parser.add_argument("command", choices=("launch", "move"))
    parser.add_argument("number", type=int, help="of customers, or the campaign's id")
    given = parser.parse_args()
    django.setup()
    print(json.dumps((launch if given.command == "launch" else move)(given.number)))


if __name__ == "__main__":
    main()
