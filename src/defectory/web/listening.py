"""Addresses to listen on: taken before any work, named in links, and served by TLS."""

import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from defectory.domain import ParameterError
from defectory.domain.errors import one_line


@dataclass(frozen=True)
class BoundAddress:
    """An address that is taken until it is left (`with`).

    Attributes
    ----------
    socket : bound
    """

    socket: socket.socket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def check_certificate(certfile: Path | None, keyfile: Path | None) -> None:
    """Raise ParameterError where the files serve no TLS.

    Parameters
    ----------
    certfile, keyfile : None without; the key may be in the certificate's file
    """
    if certfile is None:
        if keyfile is not None:
            raise ParameterError("--keyfile needs --certfile")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certfile, keyfile)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ParameterError(f"{certfile} serves no TLS: {one_line(error)}") from error


def bind(host: str, port: int) -> socket.socket:
    """Return a socket of the address; ParameterError where it is taken, or not of this machine."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[
            0
        ]
        # named as TCP, or asyncio would leave answers in two parts to wait 40 ms for each other
        bound = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere two servers could share it
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(where)
        except BaseException:
            bound.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ParameterError(f"cannot listen on {host}, port {port}: {reason}") from error
    return bound


def in_link(host: str) -> str:
    """Return the host as it stands in a link; for every address, the name of this machine."""
    if host in ("0.0.0.0", "::"):
        return _own_address()
    return f"[{host}]" if ":" in host else host


def _own_address() -> str:
    """Return the address in numbers by which others reach this machine, as far as it can tell."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: a route is looked up
            return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"
