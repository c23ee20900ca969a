"""The command `start`: from a folder that nobody sorted to the page on which a person labels it."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.serving import review_of, serve_review, served, serving
from defectory.cli.text import print_notes
from defectory.cli.values import ANY_PATH


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("photos", type=ANY_PATH)
@click.option(
    "-o",
    "--output",
    "folder",
    type=ANY_PATH,
    metavar="PROJECT",
    help="Folder of the review; without it, the name of PHOTOS with .review, in the folder you are in.",
)
@serving
@shared.no_cache("Do not keep features on disk.")
@shared.threads
@shared.quiet
@plain_errors
@shared.provider
def start(photos: Path, folder: Path | None, no_cache: bool, **where: Any) -> None:
    """Begin with PHOTOS as they are: a first fit, all images ranked, and a page to label them on.

    PHOTOS is a folder (or a list) of images; most need no label. A person then labels what pays most, the
    detector learns from it, and a threshold is chosen on the same page. Given again, or with PROJECT in the
    place of PHOTOS, it goes on.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.fitting.options import FitOptions
    from defectory.workflows.reviewing.start import is_review, start_review

    is_quiet = click.get_current_context().meta[shared.QUIET]
    folder = folder or (photos if is_review(photos) else review_of(photos))
    options = FitOptions(use_cache=not no_cache, tell_cost=not is_quiet)

    def begin() -> Any:
        with Bars() as bars:
            return start_review(
                photos,
                folder,
                options,
                said=_print_first_fit,
                progress=bars,
            )

    serve_review(begin, served(folder, **where))


def _print_first_fit(result: Any) -> None:
    """Say what the images look like so far: nothing is decided yet."""
    click.echo(
        f"Looked at {result.n_images} images in {result.wall_s:.0f} s: {result.n_normal} labeled good, "
        f"{result.n_anomalous} labeled defective, {result.n_unlabeled} to rank."
    )
    for line in result.account:
        click.echo(line)
    print_notes(result.notes)
