"""The command `review`: the page on which a person labels images and teaches a bundle."""

import getpass
from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.paths import ANY_PATH, FILE_TO_WRITE


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("bundle", type=ANY_PATH, metavar="BUNDLE|PROJECT")
@click.argument("data", type=ANY_PATH, nargs=-1)
@click.option(
    "-o",
    "--output",
    "folder",
    type=ANY_PATH,
    metavar="PROJECT",
    help="Folder of the review; without it, the name of DATA with .review, in the folder you are in.",
)
@click.option("--who", metavar="NAME", help="Who labels; the name you are logged in with.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="To listen on. Any but this machine's own lets others in, and needs --token-file.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="To listen on; 0 for any that is free.",
)
@click.option(
    "--token-file",
    type=FILE_TO_WRITE,
    metavar="FILE",
    help="Holds the token of the link from run to run; made where it is missing.",
)
@click.option("--certfile", type=ANY_PATH, metavar="FILE", help="Certificate, to serve by TLS.")
@click.option("--keyfile", type=ANY_PATH, metavar="FILE", help="Its key, where it is a file apart.")
@shared.threads
@shared.quiet
@plain_errors
@shared.allow_plugins
def review(
    bundle: Path,
    data: tuple[Path, ...],
    folder: Path | None,
    who: str | None,
    no_browser: bool,
    **where: Any,
) -> None:
    """Look at DATA as BUNDLE judges it, label with a key, and teach the bundle: a page in your browser.

    DATA are images: folders, lists, or files. Everything is kept in PROJECT; BUNDLE stays as it is. Another
    day, `defectory review PROJECT` goes on. Ctrl-C ends it; labels are on disk as soon as the page says so.
    """
    from defectory.review.extra import check_extra

    check_extra()
    from defectory.review.security import is_loopback
    from defectory.review.server import ServerOptions, serve, take_address

    options = ServerOptions(who=who or _login_name(), open_browser=not no_browser, **where)
    with take_address(options) as address:
        project = _open_project(bundle, data, folder)
        click.echo(_describe(project.overview(), project.folder))
        if not is_loopback(options.host):
            click.echo(_warning(options.certfile is not None))
        serve(address, project, lambda link: click.echo(f"Open {link}\nCtrl-C ends it."))
    where_it_is = click.format_filename(project.folder)
    click.echo(f"Everything is kept; go on with  defectory review {where_it_is}")


def _warning(is_secure: bool) -> str:
    said = "Whoever has this link sees all images and changes labels"
    return said + (
        "." if is_secure else "; without --certfile, others on the network can read along."
    )


def _open_project(bundle: Path, data: tuple[Path, ...], folder: Path | None) -> Any:
    from defectory.cli.bars import Bars
    from defectory.workflows.reviewing.project import ReviewProject

    if not data:
        if folder is not None:
            raise click.UsageError("-o PROJECT goes with BUNDLE and DATA")
        return ReviewProject.open(bundle)
    with Bars() as bars:
        return ReviewProject.create(
            folder or Path(f"{data[0].resolve().name}.review"), bundle, data, progress=bars
        )


def _describe(overview: Any, folder: Path) -> str:
    return (
        f"{click.format_filename(folder)}: {overview.n_images} images, {overview.n_labeled} labeled; "
        f"bundle {overview.bundle.version} of {overview.bundle.detector}."
    )


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no such user, as in some containers
        return "somebody"
