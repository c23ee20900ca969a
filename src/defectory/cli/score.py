"""The command `score`."""

from pathlib import Path

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.text import print_notes

_ANY_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("bundle", type=_ANY_PATH)
@click.argument("images", type=_ANY_PATH)
@shared.output_folder
@click.option("--heatmaps", is_flag=True, help="Write each image with its heatmap over it, too.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(("jsonl", "csv", "parquet")),
    default="jsonl",
    show_default=True,
)
@shared.other_promise
@shared.skip_unreadable("List unreadable images instead of stopping.")
@shared.max_memory
@shared.threads
@shared.overwrite("the folder")
@plain_errors
def score(
    bundle: Path,
    images: Path,
    folder: Path,
    heatmaps: bool,
    file_format: str,
    false_reject_rate: float | None,
    skip_unreadable: bool,
    overwrite: bool,
    max_memory_bytes: int | None,
) -> None:
    """Score IMAGES with BUNDLE: raw score, decision, and defect regions in original pixels.

    Interrupted? Run it again: it goes on where it was.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.scoring.folder import score_to_folder

    with Bars() as bars:
        summary = score_to_folder(
            bundle,
            images,
            folder,
            heatmaps=heatmaps,
            file_format=file_format,
            false_reject_rate=false_reject_rate,
            skip_unreadable=skip_unreadable,
            overwrite=overwrite,
            max_memory_bytes=max_memory_bytes,
            progress=bars,
        )
    click.echo(
        f"Scored {summary.n_scored} images: {summary.n_rejected} rejected, "
        f"{summary.n_scored - summary.n_rejected} accepted"
        + (f", {summary.n_unreadable} unreadable" if summary.n_unreadable else "")
        + "."
    )
    print_notes(summary.notes)
    click.echo(
        f"Wrote {folder / f'scores.{file_format}'}" + (" and heatmaps" if heatmaps else "") + "."
    )
