"""An RPC endpoint that can lie: it answers reads of new blocks with an old block's state.

Hashes and headers stay true, so nothing but the figures gives it away.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

_TIMEOUT_S: Final = 10.0
_HOST: Final = "127.0.0.1"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above it
        """Keep quiet where a daemon hung up: members are killed as part of the story."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Liar:
    """Stands before the node at `port`; truthful until told to lie."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._old_hash: str | None = None
        self._server = _Server((_HOST, 0), self._make_handler())

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{_HOST}:{self._server.server_port}"

    def lie(self) -> None:
        """From now on give the state of the block that is newest now."""
        newest = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "eth_getBlockByNumber",
            "params": ["latest", False],
        }
        _, raw = self._ask(json.dumps(newest).encode())
        self._old_hash = json.loads(raw)["result"]["hash"]

    def tell_the_truth(self) -> None:
        """Stop lying."""
        self._old_hash = None

    @contextmanager
    def serving(self) -> Iterator["Liar"]:
        """Serve until left."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Give the node's status and words to a request, or to another one than was asked."""
        old_hash = self._old_hash
        return self._ask(body if old_hash is None else _distort(body, old_hash))

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(_HOST, self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        liar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, raw = liar.answer(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Keep quiet: the demo tells its own story."""

        return Handler


def _distort(body: bytes, old_hash: str) -> bytes:
    asked: Any = json.loads(body)
    for request in asked if isinstance(asked, list) else [asked]:
        for param in request.get("params", []) if request.get("method") == "eth_call" else []:
            if isinstance(param, dict) and "blockHash" in param:
                param["blockHash"] = old_hash
    return json.dumps(asked).encode()
