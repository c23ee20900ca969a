"""The command `merge`, and what it prints."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.paths import ANY_PATH
from defectory.cli.score import TableFormat, print_images
from defectory.cli.text import counted, print_notes


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("folder", metavar="OUT", type=ANY_PATH)
@click.option(
    "--format",
    "file_format",
    type=TableFormat(),
    help="Write all rows as one table, too, the highest score first.",
)
@click.option(
    "--excel",
    "for_excel",
    is_flag=True,
    help="Write CSV for Excel where decimals have commas (Germany, France, ...).",
)
@shared.quiet
@plain_errors
def merge(folder: Path, file_format: str | None, for_excel: bool) -> None:
    """Make one result of what score --shard wrote into OUT.

    Shards that are missing, damaged or of another bundle, promise or list of images are named, with the
    commands that make them. The rows stay where they are; dataset.json lists their files, and summary.json
    says what they come to.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.shards.merge import merge_shards

    with Bars() as bars:
        merged = merge_shards(
            folder, file_format="excel" if for_excel else file_format, progress=bars
        )
    print_merged(merged)


def print_merged(merged: Any) -> None:
    """Print what came of all shards."""
    print_images(merged.rejected, merged.n_rejected, "rejected")
    print_images(merged.review, merged.n_review, "to look at")
    above = "" if merged.threshold is None else f" (score above {merged.threshold:.4g})"
    review = f", {merged.n_review:,} to look at" if merged.has_gray_zone else ""
    unreadable = f", {merged.n_unreadable:,} unreadable" if merged.n_unreadable else ""
    click.echo(
        f"{counted(merged.n_images, 'image')} in {counted(merged.n_shards, 'shard')}: "
        f"{merged.n_rejected:,} rejected{above}{review}, {merged.n_accepted:,} accepted{unreadable}."
    )
    print_notes(merged.notes)
    for path in (merged.dataset, merged.summary, merged.table):
        if path is not None:
            click.echo(f"Wrote {path}.")
