"""A receiver of webhooks on this machine that checks signatures, and can be told to fail."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Listens on the loopback; another one on the same port is the same receiver after a restart.

    Attributes
    ----------
    received : (webhook-id, data) of messages that were answered with 200
    refused : webhook-id of the others
    status, headers : to answer with
    secret : that messages must be signed with; None: any signature will do
    """

    def __init__(self, port: int = 0) -> None:
        self.received: list[tuple[str, Any]] = []
        self.refused: list[str] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.secret: str | None = None
        self._turn = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver.take(dict(self.headers), body)
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *told: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(
                self, *told: object
            ) -> None:  # a sender that is killed says nothing of it
                pass

        self._server = Quiet(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/judged?line=1"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Return what is answered; AssertionError where the signature is wrong."""
        told = {key.lower(): value for key, value in headers.items()}
        message_id = told["webhook-id"]
        if self.secret is not None:
            signed = f"{message_id}.{told['webhook-timestamp']}.".encode() + body
            key = base64.b64decode(self.secret.removeprefix("whsec_"))
            expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
            assert told["webhook-signature"] == f"v1,{expected}"
        with self._turn:
            if self.status != 200:
                self.refused.append(message_id)
                return self.status
            message = json.loads(body)
            assert message["type"] == "image.judged"
            self.received.append((message_id, message["data"]))
            return 200

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
