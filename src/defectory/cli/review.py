"""The command `review`: the page on which a person labels images and teaches a bundle."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.serving import review_of, serve_review, served, serving
from defectory.cli.values import ANY_PATH


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
@serving
@shared.threads
@shared.quiet
@plain_errors
@shared.provider
@shared.allow_plugins
def review(
    bundle: Path,
    data: tuple[Path, ...],
    folder: Path | None,
    **where: Any,
) -> None:
    """Look at DATA as BUNDLE judges it, label with a key, and teach the bundle: a page in your browser.

    DATA are images: folders, lists, or files. Everything is kept in PROJECT; BUNDLE stays as it is. Another
    day, `defectory review PROJECT` goes on. Ctrl-C ends it; labels are on disk as soon as the page says so.
    """
    if not data and folder is not None:
        raise click.UsageError("-o PROJECT goes with BUNDLE and DATA")
    project = folder or (review_of(data[0]) if data else bundle)
    serve_review(lambda: _open_project(bundle, data, project), served(project, **where))


def _open_project(bundle: Path, data: tuple[Path, ...], folder: Path) -> Any:
    from defectory.cli.bars import Bars
    from defectory.workflows.reviewing.project import ReviewProject

    if not data:
        return ReviewProject.open(folder)
    with Bars() as bars:
        return ReviewProject.create(folder, bundle, data, progress=bars)
