"""The command itself in a process of its own, and requests by socket, byte for byte."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass

START_S, STOP_S = 60, 30


@dataclass(frozen=True)
class Answer:
    """What came back: 0 where the connection was closed without an answer."""

    status: int
    raw: bytes


class Server:
    """`defectory review` at work."""

    def __init__(self, *arguments: object, browser: object = "") -> None:
        shown = [] if browser else ["--no-browser"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "defectory", "review", *map(str, arguments), *shown],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "BROWSER": str(browser), "DISPLAY": ":0"},
        )
        alarm = threading.Timer(START_S, self.process.kill)
        alarm.start()
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"Open (http://127\.0\.0\.1:(\d+)/)\?token=(\S+)", line):
                self.url, self.port, self.token = found[1], int(found[2]), found[3]
                break
        else:
            raise AssertionError(self.process.communicate()[1])
        alarm.cancel()

    @property
    def headers(self) -> dict[str, str]:
        """Of a request that is served."""
        return {
            "Host": f"127.0.0.1:{self.port}",
            "Origin": f"http://127.0.0.1:{self.port}",
            "X-Defectory": "1",
            "Cookie": f"defectory-review-{self.port}={self.token}",
        }

    def ask(self, method: str, target: str, headers=None, body: bytes = b"") -> Answer:
        """Send a request as it is given, and return the answer."""
        lines = [f"{method} {target} HTTP/1.1", "Connection: close"]
        given = dict(headers or {})
        if body:
            given.setdefault("Content-Length", str(len(body)))
        lines += [f"{name}: {value}" for name, value in given.items()]
        return self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def send(self, raw: bytes, *, is_all: bool = False) -> Answer:
        """Send bytes, and return what comes back until the connection is closed.

        is_all: tell that no more will come, which ends requests that are not whole, and drops answers.
        """
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            parts = []
            with suppress(OSError):  # it may be refused, and closed, before all is sent
                connection.sendall(raw)
                if is_all:
                    connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while part := connection.recv(65536):
                    parts.append(part)
        found = b"".join(parts)
        status = re.match(rb"HTTP/1\.1 (\d{3})", found)
        return Answer(int(status[1]) if status else 0, found)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; return the exit status and what was said."""
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=STOP_S)
        return self.process.returncode, "".join(self.said) + output, errors
