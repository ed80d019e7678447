"""`python -m lumbung_bench.trace_sink PORT`: takes traces in over OTLP/HTTP and forgets them, as cheaply as can be."""

from __future__ import annotations

import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Forget(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Health."""
        self._answer()

    def do_POST(self) -> None:
        """A batch of spans."""
        self.rfile.read(int(self.headers.get("content-length", "0")))
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class says so
        """Nothing."""

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Forget).serve_forever()
