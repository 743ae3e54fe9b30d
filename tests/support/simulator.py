"""B3's endpoints on this machine: generated files at B3's own paths, and faults on request.

Run it with `python -m tests.support.simulator PORT` and point PYB3_MIRROR at it.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pyb3.calendar import is_session, sessions

from . import generate


class Simulator(ThreadingHTTPServer):
    """`faults` are spent one a request: 503, 429, "html", "empty", "empty zip" or "cut"."""

    daemon_threads = True
    rows = 500
    seed = 0

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.faults: list[int | str] = []
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Simulator
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, int):
            return self._answer(fault, b"", {"Retry-After": "0"})
        body = self._file()
        if fault == "html":
            body = b"<!DOCTYPE html><html>consent</html>"
        elif fault == "empty":
            body = b""
        elif fault == "empty zip":
            body = b"PK\x05\x06" + bytes(18)
        if body is None:
            return self._answer(404, b"not found")
        self._answer(200, body, cut=fault == "cut")

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def _file(self) -> bytes | None:
        rows, seed = self.server.rows, self.server.seed
        if found := re.fullmatch(r"/bvmf\.bmfbovespa\.com\.br/InstDados/SerHist/COTAHIST_A(\d{4})\.ZIP", self.path):
            year = int(found[1])
            days = sessions(date(year, 1, 1), min(date(year, 12, 31), date.today() - timedelta(1)))
            return generate.zipped(f"COTAHIST_A{year}.TXT", generate.cotahist(days, rows // 20, seed))
        if found := re.fullmatch(r"/bvmf\.bmfbovespa\.com\.br/InstDados/SerHist/COTAHIST_D(\d{8})\.ZIP", self.path):
            day = datetime.strptime(found[1], "%d%m%Y").date()
            if not is_session(day):
                return None
            return generate.zipped(f"COTAHIST_D{found[1]}.TXT", generate.cotahist([day], rows, seed))
        if found := re.fullmatch(
            r"/www\.b3\.com\.br/pesquisapregao/download\?filelist=(S?PR\D*)(\d{6})\.zip,?", self.path
        ):
            day = datetime.strptime(found[2], "%y%m%d").date()
            if not is_session(day):
                return b"PK\x05\x06" + bytes(18)
            xml = generate.zipped("BVBG.187.01_BV000471.xml", generate.price_report(day, rows, seed))
            return generate.zipped(f"{found[1]}{found[2]}.zip", xml)
        return None


@contextmanager
def running(port: int = 0) -> Iterator[Simulator]:
    """A simulator on a port of this machine, stopped at the end."""
    with Simulator(port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


if __name__ == "__main__":
    Simulator(int(sys.argv[1])).serve_forever()
