"""A headless Chromium that runs the verifier from a page of ours on the loopback."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

ROOT: Final = Path(__file__).parents[3]
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_SERVED: Final = ("proofs/js/", "tests/proofs/js/", "node_modules/@noble/")
_DEADLINE_S: Final = 100
_ANSWER: Final = re.compile(r'<pre id="answer">(.*?)</pre>', re.DOTALL)
_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>vectors</title>
<pre id="answer"></pre>
<script type="application/json" id="questions">%s</script>
<script type="importmap">{"imports": {
  "@noble/curves/": "/node_modules/@noble/curves/",
  "@noble/hashes/": "/node_modules/@noble/hashes/"
}}</script>
<script type="module">
import { answer } from "/tests/proofs/js/judge.mjs";
const questions = JSON.parse(document.getElementById("questions").textContent);
document.getElementById("answer").textContent = JSON.stringify(answer(questions));
</script>
"""


def find_browser() -> str | None:
    """Give the path of a Chromium, or None."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def ask_browser(browser: str, questions: str, profile: Path) -> dict[str, Any]:
    """Give what the page answers; the profile is an empty folder for the browser's use."""
    with _serving(_PAGE % questions.replace("<", "\\u003c")) as url:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-breakpad"]
        command += [
            "--disable-background-networking",
            "--disable-component-update",
            "--no-proxy-server",
        ]
        command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        command += [f"--user-data-dir={profile}", "--dump-dom", url]
        run = subprocess.run(  # noqa: S603 -- the browser that was found, on our own page
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEADLINE_S,
            env={**os.environ, "HOME": str(profile)},
        )
    match = _ANSWER.search(run.stdout)
    if match is None or not match[1]:
        raise AssertionError(f"the page gave no answer: {run.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(unescape(match[1]))
    return answer


@contextmanager
def _serving(page: str) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(page.encode()))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(page: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            if not name:
                self._send(page, "text/html")
            elif name.startswith(_SERVED) and ".." not in name and (ROOT / name).is_file():
                self._send((ROOT / name).read_bytes(), "text/javascript")
            else:
                self.send_error(HTTPStatus.NOT_FOUND)

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing of each request."""

    return Handler
