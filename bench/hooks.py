"""A unit's receiver for drills: takes every webhook and remembers which tickets were opened."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import orjson

SECRET: Final = "whsec_ZHJpbGwtc2VjcmV0LWRyaWxsLXNlY3JldA=="
"""Of the unit whose receiver this is."""


class Hooks:
    """``opened``: the tickets of each source. ``bodies``: what came under each webhook-id; a second
    body under one id is another event that nobody can tell apart."""

    def __init__(self) -> None:
        self.opened: dict[str, set[str]] = defaultdict(set)
        self.bodies: dict[str, set[bytes]] = defaultdict(set)
        self.port = 0

    def take(self, webhook_id: str, body: bytes) -> None:
        self.bodies[webhook_id].add(body)
        event = orjson.loads(body)
        if event["type"] == "ticket.opened":
            ticket = event["data"]["ticket"]
            for witness in ticket["witnesses"]:
                self.opened[witness["source"]].add(ticket["id"])


@contextmanager
def receiving() -> Iterator[Hooks]:
    """On a free port of this machine, as long as the block lasts."""
    hooks = Hooks()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            hooks.take(self.headers["webhook-id"], body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet: the account at the end speaks."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    hooks.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hooks
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
