"""What the commands that serve the review page share: options, and serving."""

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from defectory.cli.text import as_command
from defectory.cli.values import ANY_PATH, FILE_TO_WRITE

_OPTIONS = (
    click.option("--who", metavar="NAME", help="Who labels; the name you are logged in with."),
    click.option("--no-browser", is_flag=True, help="Print the address, and open no browser."),
    click.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        help="Address to listen on. Any but this machine's own lets others in, and needs --token-file.",
    ),
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=0,
        show_default=True,
        help="Port to listen on; 0 for one that the review comes back to, or any that is free.",
    ),
    click.option(
        "--token-file",
        type=FILE_TO_WRITE,
        metavar="FILE",
        help="Holds the token of the link from run to run; made where it is missing.",
    ),
    click.option("--certfile", type=ANY_PATH, metavar="FILE", help="Certificate, to serve by TLS."),
    click.option(
        "--keyfile", type=ANY_PATH, metavar="FILE", help="Its key, where it is a file apart."
    ),
)


def serving(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of where the page is served, and to whom."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def served(folder: Path, *, who: str | None, no_browser: bool, **where: Any) -> Any:
    """Return the options of a server of the review in a folder; raise where the extra for it is missing."""
    from defectory.web.extras import check_extra

    check_extra("defectory review", "review", ("starlette", "uvicorn"))
    from defectory.review.server import ServerOptions

    return ServerOptions(
        folder=folder, who=who or _login_name(), open_browser=not no_browser, **where
    )


def review_of(data: Path) -> Path:
    """Return the folder of a review of data where none is named: in the folder that one is in."""
    place = data.resolve()
    return Path(f"{place.stem if place.is_file() else place.name}.review")


def serve_review(open_project: Callable[[], Any], options: Any) -> None:
    """Open a review once its address is free, serve its page until Ctrl-C, and say how to go on."""
    from defectory.review.server import serve, take_address
    from defectory.web.hosts import is_loopback

    with take_address(options) as address:
        project = open_project()
        overview = project.overview()
        click.echo(
            f"{click.format_filename(project.folder)}: {overview.n_images} images, "
            f"{overview.n_labeled} labeled; bundle {overview.bundle.version} of {overview.bundle.detector}."
        )
        if not is_loopback(options.host):
            click.echo(_warning(options.certfile is not None))
        serve(address, project, lambda link: click.echo(f"Open {link}\nCtrl-C ends it."))
    click.echo(
        f"Everything is kept; go on with  {as_command('defectory', 'review', project.folder)}"
    )


def _warning(is_secure: bool) -> str:
    said = "Whoever has this link sees all images and changes labels"
    return said + (
        "." if is_secure else "; without --certfile, others on the network can read along."
    )


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no such user, as in some containers
        return "somebody"
