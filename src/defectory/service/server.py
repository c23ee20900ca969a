"""Serves bundles on one address until it is asked to stop."""

import math
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import uvicorn

from defectory.domain import ParameterError
from defectory.service.access import Access
from defectory.service.app import make_app
from defectory.service.connections import connections_waiting
from defectory.service.logs import Log
from defectory.service.options import ServiceOptions
from defectory.service.service import Service
from defectory.web.hosts import is_loopback
from defectory.web.listening import BoundAddress, bind, check_certificate, in_link

_GRACE_S = 5
"""Beyond the deadline, for answers to be taken."""


@dataclass(frozen=True)
class Address(BoundAddress):
    """An address that is taken until it is left (`with`), and who may come in."""

    access: Access
    options: ServiceOptions

    @property
    def url(self) -> str:
        """Of the service."""
        scheme = "http" if self.options.certfile is None else "https"
        return f"{scheme}://{in_link(self.options.host)}:{self.socket.getsockname()[1]}"


def take_address(options: ServiceOptions) -> Address:
    """Return the address, before any work is done that would be for nothing without it.

    Raises
    ------
    ParameterError : others could come in without a token file; the address cannot be listened on; a token or
        a certificate cannot be read.
    """
    if not is_loopback(options.host) and options.token_file is None:
        raise ParameterError(
            f"--host {options.host} lets others on the network in: it needs --token-file FILE"
        )
    check_certificate(options.certfile, options.keyfile)
    access = Access.of(options)
    return Address(bind(options.host, options.port), access, options)


def serve(
    address: Address,
    given: Sequence[str],
    n_threads: int,
    say: Callable[[Service], None],
    log: Log | None = None,
) -> None:
    """Serve bundles until Ctrl-C or SIGTERM; requests that are at work are finished.

    Parameters
    ----------
    address : from `take_address`
    given : bundles, see `find_bundles`
    n_threads : images in work at once
    say : is told when requests are taken
    log : None for lines on stderr

    Raises
    ------
    DefectoryError : a bundle or the state folder cannot be used.
    """
    log = log or Log()
    service = Service(given, address.options, n_threads, log)
    watching = threading.Thread(target=service.watch, name="watch", daemon=True)
    server = uvicorn.Server(configuration(service, address))
    try:
        # a signal may come at any moment; those later uvicorn takes, ends well, and raises once more
        with suppress(KeyboardInterrupt):
            address.socket.listen(address.options.limits.connections)
            watching.start()
            say(service)
            server.run([address.socket])
    finally:
        service.close()
    log.write("stopped")


def configuration(service: Service, address: Address) -> uvicorn.Config:
    """Return how uvicorn serves a service on an address."""
    options, limits = address.options, address.options.limits
    return uvicorn.Config(
        make_app(service, address.access),
        http=connections_waiting(limits.head_s),
        log_config=None,
        log_level="critical",  # our own mistakes we log ourselves; broken requests are of no interest
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=math.ceil(limits.deadline_s) + _GRACE_S,
        ssl_certfile=options.certfile,
        ssl_keyfile=options.keyfile,
    )
