"""A recording of `pyb3 doctor --record`, served over HTTP as B3 answered: PyB3 is asked to take it for B3.

Run it with `python -m tests.support.replay FOLDER PORT` and point PYB3_MIRROR at it.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyb3.fetch import record

# The server's own, and those that are of the connection.
_NOT_SENT = {"content-length", "transfer-encoding", "date", "server"}


class Replay(ThreadingHTTPServer):
    """Each request gets the last answer that was recorded to it, or the last one until `until`.

    An answer that was read to its end is preferred to a beginning; a beginning is sent and then the connection is
    closed, as if it had been cut. What was not recorded gets 404, and is noted in `unknown`.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path, port: int = 0, until: datetime | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.folder = folder
        self.unknown: list[str] = []
        self.answers: dict[tuple[str, str, str], dict[str, Any]] = {}
        for line in record.read(folder):
            if line["status"] is None or line["file"] is None:
                continue
            if until is not None and datetime.fromisoformat(line["at"]) > until:
                continue
            parts = urlsplit(line["url"])
            target = f"/{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")
            key = line["method"], target, _canonical(line["payload"])
            if line["whole"] or not self.answers.get(key, {}).get("whole"):
                self.answers[key] = line

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Replay
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0))))

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, payload: Any) -> None:
        line = self.server.answers.get((self.command, self.path, _canonical(payload)))
        if line is None:
            self.server.unknown.append(f"{self.command} {self.path}")
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = (self.server.folder / record.FILES / line["file"]).read_bytes()
        self.send_response(line["status"])
        for name, value in line["headers"].items():
            if name == "location":
                value = self._here(value)
            if name not in _NOT_SENT:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + (not line["whole"])))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = not line["whole"]

    def _here(self, location: str) -> str:
        """Where a redirect leads, on this server."""
        parts = urlsplit(location)
        if parts.netloc:
            return f"{self.server.url}/{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return f"/{self.path.split('/')[1]}{location}" if location.startswith("/") else location


def _canonical(payload: Any) -> str:
    return json.dumps(payload, sort_keys=True)


@contextmanager
def replaying(folder: Path, port: int = 0, until: datetime | None = None) -> Iterator[Replay]:
    """A recording on a port of this machine, stopped at the end."""
    with Replay(folder, port, until) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    """Run until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.replay", description="B3's answers, as recorded")
    parser.add_argument("folder", type=Path, help="what 'pyb3 doctor --record' wrote")
    parser.add_argument("port", type=int, nargs="?", default=0, help="port to listen on; any free one by default")
    parser.add_argument(
        "--until", type=datetime.fromisoformat, help="the answers until then, as 2026-11-27T20:00-03:00"
    )
    options = parser.parse_args()
    with Replay(options.folder, options.port, options.until) as server:
        print(f"{options.folder} is replayed at {server.url}; set PYB3_MIRROR={server.url}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
