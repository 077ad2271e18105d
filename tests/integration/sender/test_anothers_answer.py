"""An answer that comes twice is read as the next request's: the ledger must not say what nobody knows."""

from __future__ import annotations

import json

import trio

from tests.integration.graph.http.scripted_server import read_request, tcp_server
from tests.integration.sender.world import World, people


class Repeating:
    """Answers the first request of its first connection again when the next one has come."""

    def __init__(self) -> None:
        self.connections = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        repeats = self.connections == 1
        first = b""
        while (request := await read_request(stream)) is not None:
            first = first or _answer(request)
            await stream.send_all(first if repeats else _answer(request))


def _answer(request: bytes) -> bytes:
    whom = json.loads(request.partition(b"\r\n\r\n")[2])["recipient"]["id"]
    body = json.dumps({"recipient_id": whom, "message_id": f"m_{whom}"})
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def test_nobody_gets_anothers_answer_and_its_connection_is_closed(world: World) -> None:
    server = Repeating()
    await world.add("r", people(4))
    async with (
        tcp_server(server.serve) as port,
        world.sender(graph_api_url=f"http://127.0.0.1:{port}", worker_concurrency=1),
    ):
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"sent": 3, "unknown": 1}
    assert server.connections == 2
    (unknown,) = await world.failures()
    assert (unknown.message_id, unknown.error_message) == (None, "the answer is to a message to somebody else")
