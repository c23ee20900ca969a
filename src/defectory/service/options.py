"""How a service is run: where, for whom, within which limits, and what it keeps."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    """What one request, and all of them together, may take.

    Attributes
    ----------
    body_bytes : of a request's body, as sent and unpacked
    all_bodies_bytes : of all bodies that are held at once
    pixels : of an image
    images : of a request
    waiting : images that wait for a core, beyond those that are judged
    deadline_s : from the end of a request's body to its answer
    head_s, body_s : in which the head and the body of a request have to come
    connections : at once
    """

    body_bytes: int = 64 * 2**20
    all_bodies_bytes: int = 512 * 2**20
    pixels: int = 64_000_000
    images: int = 64
    waiting: int = 64
    deadline_s: float = 30.0
    head_s: float = 10.0
    body_s: float = 60.0
    connections: int = 512


@dataclass(frozen=True)
class ServiceOptions:
    """Where bundles are served, and to whom.

    Attributes
    ----------
    host, port : to listen on; port 0 for any that is free
    allowed_hosts : further names by which it may be asked for, as behind a proxy
    token_file : holds the token that every request needs; None for none, on this machine only
    certfile, keyfile : for TLS; None without
    limits : of requests
    state : folder of journals and alarms; None keeps nothing on disk
    recent_bytes : of images that are kept a name; 0 for none
    poll_s : how often it is looked whether bundles have changed
    """

    host: str = "127.0.0.1"
    port: int = 8000
    allowed_hosts: tuple[str, ...] = ()
    token_file: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    limits: Limits = field(default_factory=Limits)
    state: Path | None = None
    recent_bytes: int = 0
    poll_s: float = 1.0
