"""A provider that takes every text after 50 ms and does nothing else: the yardstick for senders.

`python -m bench.stub_provider` prints its port and serves until it is ended. The sandbox checks, remembers
and reports; here only the sender is to be measured. A provider's own computers are elsewhere: this one takes
as little as it can of the processor that the sender has to share with it, so it reads no more of HTTP than
the client of the measurement says.
"""

import asyncio
import json
import secrets
from urllib.parse import parse_qs

ANSWERS_AFTER_SECONDS = 0.05
_LENGTH = b"content-length:"
_HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class _Provider(asyncio.Protocol):
    """One kept connection: a form comes in, the row of a text goes out."""

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answers go back on it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete, a while later."""
        self._read += data
        while (head_ends := self._read.find(b"\r\n\r\n") + 4) > 3:
            head = self._read[:head_ends].lower()
            at = head.index(_LENGTH) + len(_LENGTH)
            ends = head_ends + int(head[at : head.index(b"\r\n", at)])
            if len(self._read) < ends:
                return
            form, self._read = self._read[head_ends:ends], self._read[ends:]
            asyncio.get_running_loop().call_later(ANSWERS_AFTER_SECONDS, self._answer, form)

    def _answer(self, form: bytes) -> None:
        sent = {name: values[0] for name, values in parse_qs(form.decode()).items()}
        row = {
            "sid": f"SM{secrets.token_hex(16)}", "status": "queued", "num_segments": "1", "error_code": None,
            "to": sent["To"], "from": sent["From"], "body": sent["Body"], "direction": "outbound-api",
        }  # fmt: skip
        body = json.dumps(row).encode()
        self._transport.write(_HEAD % len(body) + body)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Provider, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
