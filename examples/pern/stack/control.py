"""Faults by HTTP, for simulations in any language: POST /faults/redis-kill?down=2 answers when Redis is back."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .faults import Faults


class Control:
    """An HTTP server on a free port of this machine."""

    def __init__(self, faults: Faults) -> None:
        """Serve the faults of one stack."""
        handler = type("Handler", (_Handler,), {"faults": faults})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    faults: Faults

    def do_GET(self) -> None:
        """Answer with the names of the faults and the process ids."""
        names = {name: (fault.__doc__ or "").strip() for name, fault in self.faults.known.items()}
        self._answer(200, {"faults": names, "pids": {name: child.pid for name, child in self.faults.children.items()}})

    def do_POST(self) -> None:
        """Do a fault."""
        parts = urlsplit(self.path)
        name, down = parts.path.removeprefix("/faults/"), float(parse_qs(parts.query).get("down", ["0"])[0])
        if name not in self.faults.known:
            self._answer(404, {"error": f"there is no fault {name}"})
            return
        try:
            self.faults.run(name, down)
        except Exception as error:  # noqa: BLE001 - whoever asked for the fault is told
            self._answer(500, {"error": str(error)})
        else:
            self._answer(200, {"done": name})

    def _answer(self, code: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
