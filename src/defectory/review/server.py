"""Serves the page of one review, on one address, until it is stopped."""

import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from defectory.domain import ParameterError
from defectory.review.app import make_app
from defectory.review.browsers import has_window
from defectory.review.errors import told
from defectory.review.security import Access, is_loopback, names_of, new_token
from defectory.review.site import Site
from defectory.review.token_files import read_token
from defectory.workflows.reviewing.project import ReviewProject

_MOST_CONNECTIONS = 100
_GRACE_S = 3


@dataclass(frozen=True)
class ServerOptions:
    """Where the page is served, and to whom.

    Attributes
    ----------
    host : to listen on
    port : 0 for any that is free
    token_file : holds the token of the link from run to run; None for a new one each time
    certfile, keyfile : for TLS; None without
    who : signs labels where the page does not say who is at it
    open_browser : whether to show the page at once
    page : folder with other files of the page; None for those of this package
    """

    host: str = "127.0.0.1"
    port: int = 0
    token_file: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    who: str = ""
    open_browser: bool = True
    page: Path | None = None


def check_options(options: ServerOptions) -> None:
    """Raise ParameterError where the page would be open to others without a token of their own."""
    if not is_loopback(options.host) and options.token_file is None:
        raise ParameterError(
            f"--host {options.host} lets others on the network in: it needs --token-file FILE, and whoever "
            "has the link then sees all images and changes labels"
        )
    if options.keyfile is not None and options.certfile is None:
        raise ParameterError("--keyfile needs --certfile")


def serve(project: ReviewProject, options: ServerOptions, say: Callable[[str], None]) -> None:
    """Serve the page of a project until Ctrl-C or SIGTERM; requests that are at work are finished.

    Parameters
    ----------
    project : that is open; it is closed in the end
    say : is told the address, with the token, when it can be opened

    Raises
    ------
    ParameterError : the address cannot be listened on, or it is not safe without a token file; a token or
        certificate cannot be read.
    """
    check_options(options)
    token = new_token() if options.token_file is None else read_token(options.token_file)
    listening = _listen(options.host, options.port)
    with listening:
        port = listening.getsockname()[1]
        names = names_of(options.host, [socket.gethostname(), socket.getfqdn()])
        access = Access(token, port, names, is_secure=options.certfile is not None)
        site = Site.of(project, options.who, options.page)
        server = uvicorn.Server(_configuration(site, access, options))
        address = f"{access.scheme}://{_in_link(options.host)}:{port}/"
        say(f"{address}?token={token}")
        if options.open_browser and has_window():
            link = f"{address}?token={access.token_for_once()}"
            threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()
        with suppress(KeyboardInterrupt):  # uvicorn ends well, and then raises the signal once more
            server.run([listening])


def _configuration(site: Site, access: Access, options: ServerOptions) -> uvicorn.Config:
    configuration = uvicorn.Config(
        make_app(site, access),
        log_level="warning",
        access_log=False,  # its lines would hold the token
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=options.certfile,
        ssl_keyfile=options.keyfile,
    )
    try:
        configuration.load()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ParameterError(f"{options.certfile}: {told(error)}") from error
    return configuration


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections from now on; they wait until they are served."""
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(where)
            listening.listen(_MOST_CONNECTIONS)
        except BaseException:
            listening.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ParameterError(f"cannot listen on {host}, port {port}: {reason}") from error
    return listening


def _in_link(host: str) -> str:
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
