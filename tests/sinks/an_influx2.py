"""The second API's set-up part as InfluxDB 2 documents it, over real HTTP, with its state.

https://docs.influxdata.com/influxdb/v2/api/v2/: organisations, buckets, DBRP mappings,
authorizations. A token is shown in the answer that makes it; permissions are looked at.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

OPERATOR = "operator-token"
ORG = "0000000000000001"


@dataclass
class Influx2:
    """``kept``: objects by collection and id. ``changes``: every request that was no GET."""

    virtual_mappings: bool = False
    kept: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {"buckets": {}, "dbrps": {}, "authorizations": {}}
    )
    changes: list[str] = field(default_factory=list)
    url: str = ""

    def of(self, collection: str) -> list[dict[str, Any]]:
        return list(self.kept[collection].values())

    def answer(
        self, method: str, target: str, body: Any, authorization: str
    ) -> tuple[int, dict[str, Any] | None]:
        if authorization != f"Token {OPERATOR}":
            return 401, {"code": "unauthorized", "message": "unauthorized access"}
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        collection, _, id = url.path.removeprefix("/api/v2/").partition("/")
        if method != "GET":
            self.changes.append(f"{method} {url.path}")
        if collection == "orgs":
            if query["org"] != "city":
                message = f'organization name "{query["org"]}" not found'
                return 404, {"code": "not found", "message": message}
            return 200, {"orgs": [{"id": ORG, "name": "city"}]}
        if method == "GET":
            return 200, self._found(collection, query)
        if method == "POST":
            return self._made(collection, body)
        if id not in self.kept[collection]:
            return 404, {"code": "not found", "message": "not found"}
        if method == "DELETE":
            del self.kept[collection][id]
            return 204, None
        self.kept[collection][id].update(body)
        return 200, self.kept[collection][id]

    def _found(self, collection: str, query: dict[str, str]) -> dict[str, Any]:
        assert query["orgID"] == ORG
        found = self.of(collection)
        if collection == "buckets":
            found = [one for one in found if one["name"] == query["name"]]
        if collection == "dbrps":
            found = [one for one in found if one["bucketID"] == query["bucketID"]]
            if self.virtual_mappings and not found:
                bucket = self.kept["buckets"][query["bucketID"]]
                found = [{"database": bucket["name"], "virtual": True}]
        return {"content" if collection == "dbrps" else collection: found}

    def _made(self, collection: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if collection == "buckets" and any(
            one["name"] == body["name"] for one in self.of("buckets")
        ):
            message = f"bucket with name {body['name']} already exists"
            return 422, {"code": "conflict", "message": message}
        id = f"{len(self.changes):016x}"
        made = {"id": id} | body
        self.kept[collection][id] = made
        if collection == "authorizations":
            return 201, made | {"token": f"token-{id}", "status": "active"}
        return 201, made


@contextmanager
def influx2(*, virtual_mappings: bool = False) -> Iterator[Influx2]:
    state = Influx2(virtual_mappings)

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            authorization = self.headers.get("Authorization", "")
            status, said = state.answer(self.command, self.path, body, authorization)
            data = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _do

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
