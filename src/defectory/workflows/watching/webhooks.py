"""Messages to a web address, sent in the background until they arrive.

A message is in the database before it is sent, and marked there after it has arrived. So it arrives at least
once; after a crash, or where an answer was lost, it comes again under the same `webhook-id`.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from defectory import __version__
from defectory.domain import DefectoryError, ParameterError
from defectory.domain.errors import one_line
from defectory.workflows.watching.signatures import signed_headers
from defectory.workflows.watching.state import Message, WatchState

GIVE_UP_S = 3 * 24 * 3600
"""A message that has not arrived for so long is dropped, and that is said."""

_TIMEOUT_S = 10.0  # of one step: to connect, to wait for an answer
_MOST_S = 30.0  # of one try
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 300.0
_FEWEST_TRIES = 10  # a clock that was wrong makes no message old
_GONE = 410


@dataclass(frozen=True)
class Address:
    """Where messages go.

    Attributes
    ----------
    is_secure : by TLS, and the certificate is checked
    host, port : to connect to
    path : with the query
    """

    is_secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Return the address; ParameterError where it is none that is spoken to."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ParameterError(f"{url!r} is no web address: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ParameterError(f"{url!r} is no address that begins with http:// or https://")
        if parts.username is not None or parts.password is not None:
            raise ParameterError(
                "a web address with a password in it ends up in logs; messages are signed instead"
            )
        is_secure = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
            raise ParameterError(
                f"{url!r} holds characters that a web address has not; encode them"
            )
        return cls(is_secure, parts.hostname, port or (443 if is_secure else 80), path)


class Sender:
    """A thread that sends what waits in the database, one message after the other.

    Parameters
    ----------
    state : where the messages are
    address, key : where they go, and what signs them
    say : told when nothing arrives any more, when it does again, and what is given up
    first_pause_s : after a failure; it doubles up to five minutes
    """

    def __init__(
        self,
        state: WatchState,
        address: Address,
        key: bytes,
        say: Callable[[str], None],
        *,
        first_pause_s: float = _FIRST_PAUSE_S,
    ) -> None:
        self._state = state
        self._address = address
        self._key = key
        self._say = say
        self._first_pause_s = first_pause_s
        self._wake = threading.Event()
        self._is_ending = False
        self._n_failed = 0
        self._told = ""
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin; everything that waits is tried at once."""
        self._state.retry_all()
        self._thread.start()

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def drain(self, seconds: float) -> None:
        """Return when nothing waits, or the receiver has failed, or after so many seconds."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s and self._thread.is_alive():
            if self._n_failed or not self._state.count_unsent():
                return
            time.sleep(0.02)

    def stop(self) -> None:
        """End after the message that is on its way."""
        self._is_ending = True
        self._wake.set()
        self._thread.join(_MOST_S + 1)

    def _run(self) -> None:
        while not self._is_ending:
            self._wake.clear()
            try:
                message = self._state.next_message(time.time())
                if message is None:
                    pause_s = self._pause_s() if self._n_failed else 1.0
                else:
                    pause_s = self._send(message)
            except DefectoryError as error:  # a full disk
                self._tell(str(error))
                pause_s = 5.0
            if pause_s and not self._is_ending:
                self._wait(pause_s)

    def _wait(self, seconds: float) -> None:
        """Wait; while nothing arrives, new messages are no reason to hurry."""
        end_s = time.monotonic() + seconds
        while not self._is_ending and (left_s := end_s - time.monotonic()) > 0:
            if self._wake.wait(left_s):
                if not self._n_failed:
                    return
                self._wake.clear()

    def _send(self, message: Message) -> float:
        """Try to send a message; return for how long to wait before the next."""
        problem, is_gone = self._try(message)
        if not problem:
            self._state.mark_sent(message.number)
            if self._n_failed:
                self._tell("webhooks arrive again")
            self._n_failed, self._told = 0, ""
            return 0.0
        self._n_failed += 1
        pause_s = self._pause_s()
        is_old = time.time() - message.made_s > GIVE_UP_S and message.n_tries >= _FEWEST_TRIES
        if is_gone or is_old:
            self._say(f"webhook {message.number} is given up: {problem}")
            self._state.mark_sent(message.number)
            return pause_s
        self._tell(f"webhooks do not arrive, and are tried again: {problem}")
        doubled = self._first_pause_s * 2 ** min(message.n_tries, 20)
        self._state.mark_failed(message.number, time.time() + min(_LONGEST_PAUSE_S, doubled))
        return pause_s

    def _pause_s(self) -> float:
        """Return a pause that doubles while one message after the other fails."""
        doubled: float = self._first_pause_s * 2 ** min(self._n_failed - 1, 20)
        return min(_LONGEST_PAUSE_S, doubled)

    def _try(self, message: Message) -> tuple[str, bool]:
        """Return what went wrong, "" for nothing, and whether nobody wants messages there any more."""
        body = message_body(message)
        message_id = message_id_of(self._state.key, message.number)
        headers = {
            "content-type": "application/json",
            "user-agent": f"defectory/{__version__}",
            **signed_headers(self._key, message_id, int(time.time()), body),
        }
        try:
            status = _post(self._address, body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return one_line(error), False
        if 200 <= status < 300:
            return "", False
        redirected = "; redirects are not followed" if 300 <= status < 400 else ""
        return f"the receiver answers {status}{redirected}", status == _GONE

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._say(text)


def message_id_of(key: str, number: int) -> str:
    """Return the `webhook-id` of a result: the same whenever it is sent, and no other's."""
    return f"{key}-{number}"


def message_body(message: Message) -> bytes:
    """Return the JSON that is sent, the same at every try."""
    return (
        f'{{"type": "image.judged", "data": {{"id": {message.number}, {message.line[1:]}}}'.encode()
    )


def _post(address: Address, body: bytes, headers: dict[str, str]) -> int:
    """Return the status that the receiver answers; no redirect is followed, no body read, no proxy used."""
    connection: http.client.HTTPConnection
    if address.is_secure:
        connection = http.client.HTTPSConnection(
            address.host, address.port, timeout=_TIMEOUT_S, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(address.host, address.port, timeout=_TIMEOUT_S)
    # an answer that comes byte by byte would never run into the timeout
    is_cut = threading.Event()
    ending = threading.Timer(_MOST_S, _cut, (connection, is_cut))
    ending.daemon = True
    ending.start()
    try:
        connection.request("POST", address.path, body, headers)
        status = connection.getresponse().status
    finally:
        ending.cancel()
        connection.close()
    if is_cut.is_set():
        raise TimeoutError("timed out")
    return status


def _cut(connection: http.client.HTTPConnection, is_cut: threading.Event) -> None:
    is_cut.set()
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
