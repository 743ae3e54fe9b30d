"""B3's endpoints on this machine: generated files at B3's own paths, and faults on request.

Run it with `python -m tests.support.simulator PORT` and point PYB3_MIRROR at it.
"""

from __future__ import annotations

import argparse
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .endpoints import Exchange
from .faults import CAPTCHA_PAGE, Answer, Fault

_LONGEST_STALL = 60.0
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Simulator(ThreadingHTTPServer):
    """B3 on this machine.

    `faults` are spent one a request (see `Fault`; a status, a name or a dict will do). `requests` are the paths asked
    for, `seen` the whole of each. `exchange` is what B3 has; its rows, seed and day are attributes here too.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, **exchange: Any) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.exchange = Exchange(**exchange)
        self.faults: list[int | str | Mapping[str, Any] | Fault] = []
        self.requests: list[str] = []
        self.seen: list[Seen] = []
        self.stopping = threading.Event()
        self._spending = threading.Lock()
        self._met: Counter[int] = Counter()  # requests that each of the exchange's moods befell

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def rows(self) -> int:
        return self.exchange.rows

    @rows.setter
    def rows(self, rows: int) -> None:
        self.exchange.rows = rows

    @property
    def seed(self) -> int:
        return self.exchange.seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self.exchange.seed = seed

    @property
    def today(self) -> date:
        return self.exchange.today

    @today.setter
    def today(self, day: date) -> None:
        self.exchange.today = day

    def spend(self, path: str) -> Fault | None:
        """Take the first fault that this request meets."""
        with self._spending:
            for place, raw in enumerate(self.faults):
                fault = Fault.of(raw)
                if fault.meets(path):
                    left = fault.spent()
                    self.faults[place : place + 1] = [left] if left else []
                    return fault
            for place, mood in enumerate(self.exchange.hours.moods if self.exchange.hours else ()):
                left_over = mood.times is None or self._met[place] < mood.times
                if left_over and mood.at(self.exchange.now) and mood.fault.meets(path):
                    self._met[place] += 1
                    return mood.fault
        return None

    def shutdown(self) -> None:
        self.stopping.set()
        super().shutdown()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Simulator
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._handle(b"")

    def do_HEAD(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _handle(self, body: bytes) -> None:
        server = self.server
        server.requests.append(self.path)
        server.seen.append(Seen(self.command, self.path, dict(self.headers.items()), body))
        fault = server.spend(self.path)
        if fault and fault.kind == "reset" and fault.after is None:
            return self._reset()
        method = "GET" if self.command == "HEAD" else self.command
        if server.exchange.bare_clients_refused and "Mozilla" not in self.headers.get("User-Agent", ""):
            return self._send(Answer(CAPTCHA_PAGE, 403, "text/html; charset=utf-8"))
        another_day = fault is not None and fault.kind == "other day"
        answer = server.exchange.answer(method, self.path, body, another_day=another_day)
        if fault is None:
            return self._send(answer)
        self._send_with(fault, fault.applied(answer))

    def _send(self, answer: Answer) -> None:
        self._head(answer, len(answer.body))
        if self.command == "HEAD":
            return
        if not answer.chunked:
            self.wfile.write(answer.body)
            return
        for start in range(0, len(answer.body), _CHUNK):
            chunk = answer.body[start : start + _CHUNK]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def _send_with(self, fault: Fault, answer: Answer) -> None:
        """Send as the fault has it; those that are in the answer itself are sent as any."""
        body = answer.body
        if fault.kind == "cut" and answer.chunked:
            self._head(answer, len(body))
            half = body[: len(body) // 2]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(half), half))
            self.close_connection = True
        elif fault.kind == "cut":
            self._head(answer, len(body))
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault.kind == "wrong length":
            self._head(Answer(body, answer.status, answer.content_type), max(0, len(body) + fault.by))
            self.wfile.write(body)
            self.close_connection = True
        elif fault.kind == "reset":
            self._head(Answer(body, answer.status, answer.content_type), len(body))
            self.wfile.write(body[: fault.after])
            self._reset()
        elif fault.kind == "stall":
            self._head(Answer(body, answer.status, answer.content_type), len(body))
            self.wfile.write(body[: fault.after or 0])
            self._silent(fault.seconds or _LONGEST_STALL)
        elif fault.kind == "slow":
            self._head(Answer(body, answer.status, answer.content_type), len(body))
            self._drip(body, fault.seconds or 2.0)
        else:
            self._send(answer)

    def _head(self, answer: Answer, length: int) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.flush()

    def _reset(self) -> None:
        """Close so that the other side sees a reset instead of an end."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        with suppress(OSError):
            self.connection.close()

    def _silent(self, seconds: float) -> None:
        """Say nothing more until the client goes, the simulator stops or the time is over."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.server.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.1)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                break
        self.close_connection = True

    def _drip(self, body: bytes, seconds: float) -> None:
        pieces = 20
        size = max(1, -(-len(body) // pieces))
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            if self.server.stopping.wait(seconds / pieces):
                break


@contextmanager
def running(port: int = 0, **exchange: Any) -> Iterator[Simulator]:
    """A simulator on a port of this machine, stopped at the end."""
    with Simulator(port, **exchange) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def main(arguments: list[str] | None = None) -> None:
    """Run until Ctrl-C or a termination signal."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.simulator", description="B3's endpoints, simulated")
    parser.add_argument("port", type=int, nargs="?", default=0, help="port to listen on; any free one by default")
    parser.add_argument("--rows", type=int, default=500, help="rows of a daily file")
    parser.add_argument("--yearly-rows", type=int, help="rows of each day in a yearly file; a twentieth by default")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other values for the same rows")
    parser.add_argument("--today", type=date.fromisoformat, help="the day it is at B3; the last session by default")
    options = parser.parse_args(arguments)
    exchange = {name: value for name, value in vars(options).items() if name != "port" and value is not None}
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with running(options.port, **exchange) as server:
        print(f"B3 is simulated at {server.url}; set PYB3_MIRROR={server.url}", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
