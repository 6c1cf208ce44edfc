"""A provider that takes every text after 50 ms and does nothing else: the yardstick for senders.

`python -m bench.stub_provider` prints its port and serves until it is ended. The sandbox checks, remembers
and reports; here only the sender is to be measured.
"""

import asyncio
import secrets

from aiohttp import web

ANSWERS_AFTER_SECONDS = 0.05


async def _take(request: web.Request) -> web.Response:
    form = await request.post()
    await asyncio.sleep(ANSWERS_AFTER_SECONDS)
    row = {
        "sid": f"SM{secrets.token_hex(16)}", "status": "queued", "num_segments": "1", "error_code": None,
        "to": form["To"], "from": form["From"], "body": form["Body"], "direction": "outbound-api",
    }  # fmt: skip
    return web.json_response(row, status=201)


async def _serve() -> None:
    app = web.Application()
    app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", _take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
