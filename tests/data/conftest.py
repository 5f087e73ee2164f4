"""A web server on this machine whose mirrors are good, slow or broken in every way."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Mirrors:
    """The server: `files` are served under any first folder, which says how: /good/NAME, /slow/NAME, ..."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.files: dict[str, bytes] = {}
        self.log: list[tuple[str, str | None]] = []  # way, Range header
        self.trickle = 20_000  # bytes a second of /slow

    def urls(self, name: str, *ways: str) -> tuple[str, ...]:
        return tuple(f"{self.address}/{way}/{name}" for way in ways)

    @property
    def ways(self) -> list[str]:
        return [way for way, _ in self.log]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        mirrors = self.server.mirrors
        _, way, name = self.path.split("/")
        asked = self.headers.get("Range")
        mirrors.log.append((way, asked))
        content = mirrors.files[name]
        if way == "wrong":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if way == "html":
            content = b"<html>please log in</html>"
        if way == "error":
            return self.send_error(503)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and way != "norange" else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if way == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(content) - start))
        if way == "gzip":  # as some buckets label their .gz files
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.close_connection = True
        self._send(way, content[start:], mirrors)

    def _send(self, way: str, content: bytes, mirrors: Mirrors) -> None:
        if way == "short":
            content = content[: len(content) // 2]
        if way == "stalls":
            self.wfile.write(content[:1000])
            self.wfile.flush()
            return self.server.released.wait(10)
        if way == "chunked":
            for piece in (content[:1000], content[1000:]):
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            return self.wfile.write(b"0\r\n\r\n")
        if way != "slow":
            return self.wfile.write(content)
        step = mirrors.trickle // 50
        for start in range(0, len(content), step):
            try:
                self.wfile.write(content[start : start + step])
                self.wfile.flush()
            except OSError:
                return  # the client has had enough
            time.sleep(1 / 50)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirrors(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.released = threading.Event()
    server.mirrors = Mirrors(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.mirrors
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()
