"""Command line: `python -m sandbox --port 9100 --data DIR`."""

import argparse
import re
import sys
from pathlib import Path

from aiohttp import web

from sandbox.app import build
from sandbox.world import Options, World


def parse(argv: list[str]) -> argparse.Namespace:
    """The options, checked."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--data", type=Path, required=True, help="folder of the durable state")
    parser.add_argument("--speed", type=float, default=60.0, help="divides delays, multiplies number rates")
    parser.add_argument(
        "--clock-file", type=Path, help='JSON {"offset_seconds": float}, shared with the product'
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--credentials", type=Path, help="JSON; written with defaults where it is missing")
    parser.add_argument(
        "--webhook-base", default="http://127.0.0.1:8000", help="the product's public address"
    )
    parser.add_argument(
        "--customers", choices=("silent", "demo"), default="", help="do simulated customers answer?"
    )
    parser.add_argument(
        "--demo", action="store_true", help="seed a ServiceTitan tenant once; customers answer"
    )
    parser.add_argument("--demo-customers", type=int, default=2000)
    options = parser.parse_args(argv)
    if options.speed <= 0:
        parser.error("--speed must be above 0")
    return options


def main(argv: list[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    given = parse(sys.argv[1:] if argv is None else argv)
    world = World(
        Options(
            data=given.data,
            speed=given.speed,
            seed=given.seed,
            clock_file=given.clock_file,
            credentials=given.credentials,
            webhook_base=given.webhook_base,
            customers=given.customers,
            demo=given.demo,
            demo_customers=given.demo_customers,
        )
    )
    web.run_app(
        build(world),
        host=given.host,
        port=given.port,
        access_log=None,
        print=lambda text: _announce(world, text),
        shutdown_timeout=1.0,
        keepalive_timeout=75.0,
    )


def _announce(world: World, text: str) -> None:
    found = re.search(r"http://[^ ]+", text)  # with --port 0 the only place that knows the port
    world.base_url = found.group().rstrip("/") if found else ""
    print(f"sandbox on {found.group() if found else text}", flush=True)


if __name__ == "__main__":
    main()
