"""What is printed of scored images, and of shards that were merged."""

from collections.abc import Sequence
from typing import Any

import click

from defectory.cli.text import counted, one_line, print_notes


def print_images(listed: Sequence[Any], n_all: int, outcome: str) -> None:
    """Print the images that are listed of an outcome, and how many more there are."""
    for image in listed:
        click.echo(f"  {outcome}: {one_line(image.name)}, score {image.score:.4g}")
    n_more = n_all - len(listed)
    if n_more:
        click.echo(f"  and {n_more} more")


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
