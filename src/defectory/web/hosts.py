"""Hosts: which only this machine reaches, and by which names a server may be asked for."""

import ipaddress
import socket
from collections.abc import Iterable


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host that is listened on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_of(host: str, own_names: Iterable[str]) -> frozenset[str]:
    """Return the names by which a server on this address may be asked for; empty for any in numbers.

    Parameters
    ----------
    host : that is listened on
    own_names : of this machine
    """
    if is_loopback(host):
        return frozenset((host.lower(), "localhost", "127.0.0.1" if ":" not in host else "::1"))
    if host in ("0.0.0.0", "::"):
        return frozenset()
    return frozenset((host.lower(), *(name.lower() for name in own_names)))


def own_names() -> tuple[str, ...]:
    """Return the names of this machine."""
    return socket.gethostname(), socket.getfqdn()


def is_served(name: str, host_names: frozenset[str]) -> bool:
    """Return whether a server may be asked for by a name.

    Parameters
    ----------
    name : lower case, without brackets and port
    host_names : of `names_of`; where empty, any address in numbers, which no foreign name can stand for
    """
    return name in host_names or (not host_names and is_number(name))


def split_host(host: str) -> tuple[str, str]:
    """Return name, lower case and without brackets, and port of a Host header; "" where no port is told.

    What is no host gives a name that no server has.
    """
    name, separator, port = host.lower().rpartition(":")
    if not separator or name.endswith(":") or (name.startswith("[") != name.endswith("]")):
        name, port = host.lower(), ""
    return name.removeprefix("[").removesuffix("]"), port


def is_number(name: str) -> bool:
    """Return whether a name is an address in numbers."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
