"""Serves the page of one review, on one address, until it is stopped."""

import os
import socket
import threading
import webbrowser
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from defectory.domain import ParameterError
from defectory.review.app import make_app
from defectory.review.browsers import has_window
from defectory.review.security import Access
from defectory.review.site import Site
from defectory.review.threads import background_thread
from defectory.web.hosts import is_loopback, names_of, own_names
from defectory.web.listening import BoundAddress, bind, check_certificate, in_link
from defectory.web.tokens import new_token, read_token
from defectory.workflows.reviewing.project import ReviewProject

_MOST_CONNECTIONS = 100
_GRACE_S, _LOADING_S = 3, 60
# Below those that systems give to whoever asks for any.
_FIRST_PORT, _N_PORTS = 20_000, 12_000


@dataclass(frozen=True)
class ServerOptions:
    """Where the page is served, and to whom.

    Attributes
    ----------
    host : to listen on
    port : 0 for one that the project comes back to, or any that is free
    folder : of the project; None for no port of its own
    token_file : holds the token of the link from run to run; None for a new one each time
    certfile, keyfile : for TLS; None without
    who : signs labels where the page does not say who is at it
    open_browser : whether to show the page at once
    page : folder with other files of the page; None for those of this package
    """

    host: str = "127.0.0.1"
    port: int = 0
    folder: Path | None = None
    token_file: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    who: str = ""
    open_browser: bool = True
    page: Path | None = None


@dataclass(frozen=True)
class Address(BoundAddress):
    """An address that is taken until it is left (`with`), and who may come in; `serve` answers."""

    access: Access
    options: ServerOptions

    @property
    def url(self) -> str:
        """Of the page, without the token."""
        return f"{self.access.scheme}://{in_link(self.options.host)}:{self.access.port}/"


def take_address(options: ServerOptions) -> Address:
    """Return the address, before any work is done that would be for nothing without it.

    Raises
    ------
    ParameterError : others could come in without a token file; the address cannot be listened on; a token or
        a certificate cannot be read.
    """
    if not is_loopback(options.host) and options.token_file is None:
        raise ParameterError(
            f"--host {options.host} lets others on the network in: it needs --token-file FILE, and whoever "
            "has the link then sees all images and changes labels"
        )
    check_certificate(options.certfile, options.keyfile)
    token = new_token() if options.token_file is None else read_token(options.token_file)
    bound = _bind_usual(options) or bind(options.host, options.port)
    names = names_of(options.host, own_names())
    port = bound.getsockname()[1]
    return Address(bound, Access(token, port, names, options.certfile is not None), options)


def serve(address: Address, project: ReviewProject, say: Callable[[str], None]) -> None:
    """Serve the page of a project until Ctrl-C or SIGTERM; requests that are at work are finished.

    Parameters
    ----------
    address : from `take_address`
    project : that is open; it is closed in the end
    say : is told the link, with the token, when it can be opened
    """
    options, access = address.options, address.access
    site = Site.of(project, options.who, options.page)
    server = uvicorn.Server(_configuration(site, access, options))
    preparing = background_thread(site.prepare, "preparing")
    # a signal may come at any moment; those that come later uvicorn takes, ends well, and raises once more
    with suppress(KeyboardInterrupt):
        address.socket.listen(_MOST_CONNECTIONS)
        preparing.start()
        say(f"{address.url}?token={access.token}")
        if options.open_browser and has_window():
            _show(f"{address.url}?token={access.token_for_once()}")
        server.run([address.socket])
    if preparing.ident is not None:
        # a process that ends while ONNX Runtime starts its threads is aborted
        with suppress(KeyboardInterrupt):
            preparing.join(_LOADING_S)
    site.close()


def _show(link: str) -> None:
    """Open a browser, which may take its time, or take the thread until it is closed."""
    threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()


def _configuration(site: Site, access: Access, options: ServerOptions) -> uvicorn.Config:
    return uvicorn.Config(
        make_app(site, access),
        log_level="critical",  # our own mistakes we print ourselves; broken requests are of no interest
        access_log=False,  # its lines would hold the token
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=options.certfile,
        ssl_keyfile=options.keyfile,
    )


def _bind_usual(options: ServerOptions) -> socket.socket | None:
    """Return a socket of the port that the project comes back to; None where that is taken.

    What a browser keeps it keeps by address: labels that it could not send before the server ended wait for
    the same one.
    """
    if options.port or options.folder is None:
        return None
    name = os.fsencode(options.folder.resolve())
    with suppress(ParameterError):
        return bind(options.host, _FIRST_PORT + zlib.crc32(name) % _N_PORTS)
    return None
