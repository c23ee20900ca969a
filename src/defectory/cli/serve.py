"""The command `serve`: bundles behind HTTP, for machines and services that send images."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.values import ANY_PATH, BYTES, FILE_TO_WRITE, SECONDS


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("bundles", nargs=-1, required=True, metavar="BUNDLE...")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Any but this machine's own lets others in, and needs --token-file.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 for any that is free.",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A further name by which it may be asked for, as behind a proxy. Can be repeated.",
)
@click.option(
    "--token-file",
    type=FILE_TO_WRITE,
    metavar="FILE",
    help="Holds the token that every request then needs; made where it is missing.",
)
@click.option("--certfile", type=ANY_PATH, metavar="FILE", help="Certificate, to serve by TLS.")
@click.option("--keyfile", type=ANY_PATH, metavar="FILE", help="Its key, where it is a file apart.")
@click.option(
    "--state",
    type=ANY_PATH,
    metavar="FOLDER",
    help="Keeps a journal of scores and the state of the alarm of each bundle; without it, nothing on disk.",
)
@click.option(
    "--keep-recent",
    "recent_bytes",
    type=BYTES,
    metavar="SIZE",
    help="Keep the last images of each bundle beside its journal, such as 2GB; without it, none.",
)
@click.option(
    "--queue",
    "n_waiting",
    type=click.IntRange(min=0),
    default=64,
    show_default=True,
    metavar="N",
    help="Images that may wait; more are answered by 503 and when to come again.",
)
@click.option(
    "--deadline",
    "deadline_s",
    type=SECONDS,
    default="30s",
    show_default=True,
    metavar="TIME",
    help="Time in which a request is answered; later, it is answered by 504.",
)
@click.option(
    "--max-body",
    "body_bytes",
    type=BYTES,
    default="64MB",
    show_default=True,
    metavar="SIZE",
    help="Most that a request may hold; longer ones are refused.",
)
@click.option(
    "--max-megapixels",
    type=click.FloatRange(min=0.001, max=178),
    default=64,
    show_default=True,
    metavar="N",
    help="Most that an image may have; larger ones are refused before they are decoded.",
)
@shared.threads
@plain_errors
@shared.allow_plugins
def serve(bundles: tuple[str, ...], **told: Any) -> None:
    """Judge images that are sent by HTTP: Open Inference Protocol v2 at /v2, plain uploads at /score.

    BUNDLE is a file, NAME=FILE, NAME@VERSION=FILE, or a folder of files that end in .defectory. A file
    that is replaced is served as soon as it is loaded and checked, without a lost request. Ctrl-C or SIGTERM
    ends it: requests at work are answered.
    """
    if told["recent_bytes"] and told["state"] is None:
        raise click.UsageError("--keep-recent needs --state FOLDER")
    from defectory.web.extras import check_extra

    modules = ("prometheus_client", "python_multipart", "starlette", "uvicorn")
    check_extra("defectory serve", "serve", modules)
    _serve(bundles, **told)


def _serve(
    bundles: tuple[str, ...],
    *,
    n_waiting: int,
    deadline_s: float,
    body_bytes: int,
    max_megapixels: float,
    recent_bytes: int | None,
    state: Path | None,
    **where: Any,
) -> None:
    from defectory.machine import count_cores
    from defectory.service.options import Limits, ServiceOptions
    from defectory.service.server import serve, take_address

    limits = Limits(
        body_bytes=body_bytes,
        all_bodies_bytes=8 * body_bytes,
        pixels=round(max_megapixels * 1e6),
        waiting=n_waiting,
        deadline_s=deadline_s,
    )
    options = ServiceOptions(limits=limits, state=state, recent_bytes=recent_bytes or 0, **where)
    with take_address(options) as address:

        def say(service: Any) -> None:
            for bundle in service.models.table.all():
                click.echo(f"{bundle.label}: {bundle.model.bundle.detector.name}, {bundle.path}")
            click.echo(f"Serving on {address.url}; Ctrl-C ends it.")

        serve(address, bundles, count_cores(), say)
