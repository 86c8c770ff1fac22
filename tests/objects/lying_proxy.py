"""A server that says yes and does nothing: it stands in front of a real one and forwards the rest.

Such servers exist (docs/decisions/0010-locks.md); the probe is there to find them.
"""

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

Lie = Callable[[str, str], bool]
"""Whether a request, by its method and its target, is answered with a yes and not forwarded."""


class LyingProxy:
    """Listens on a free port of loopback while the context lasts."""

    def __init__(self, port: int, lie: Lie) -> None:
        self.told: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if lie(self.command, self.path):
                    proxy.told.append(f"{self.command} {self.path}")
                    self.send_response(200)
                    yes = b"<DeleteResult/>" if self.command == "POST" else b""
                    self.send_header("Content-Length", str(len(yes)))
                    self.end_headers()
                    self.wfile.write(yes)
                    return
                onward = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                onward.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    onward.putheader(name, value)
                onward.endheaders(body)
                reply = onward.getresponse()
                content = reply.read()
                self.send_response_only(reply.status)
                for name, value in reply.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection"):
                        self.send_header(name, value)
                if reply.getheader("Content-Length") is None:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                onward.close()

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is logged: a test reads `told`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> "LyingProxy":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
