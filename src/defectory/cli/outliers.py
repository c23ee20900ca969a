"""The command `outliers`."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.remote import brings
from defectory.cli.values import ANY_PLACE, SHARE

_NOT_WITH_RAY = {
    "encoder": "--encoder: what is trained from scratch reads each image once, while it trains",
    "time_budget_s": "--time-budget",
    "skip_unreadable": "--skip-unreadable, for which one process reads all",
    "no_cache": "--no-cache, since workers put features into the cache",
    "provider": "--provider",
}
"""Parameter -> its option, and why."""


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("data", type=ANY_PLACE)
@shared.output_folder
@click.option(
    "--encoder",
    type=click.Choice(("packaged", "scratch", "scratch-small"), case_sensitive=False),
    default="packaged",
    show_default=True,
    help="Frozen ImageNet features (minutes), or a network trained on DATA alone (hours; small: less).",
)
@shared.size(96, "Side that images are resized to for packaged features; a multiple of 32.")
@click.option(
    "--slots",
    "n_slots",
    type=int,
    default=10,
    show_default=True,
    metavar="N",
    help="Slots of memory: at most so many kinds of images belong.",
)
@click.option(
    "--ratio",
    type=SHARE,
    metavar="R",
    help="Share of the images to list; estimated from the scores unless given.",
)
@click.option(
    "--n-groups", type=int, metavar="N", help="Groups of alike outliers; found unless given."
)
@click.option(
    "--augmentation",
    type=click.Choice(("auto", "figure", "photo"), case_sensitive=False),
    default="auto",
    show_default=True,
    help="How other views are drawn: figure neither mirrors nor crops much.",
)
@shared.time_budget("train in fewer steps where all would take longer.")
@shared.device
@shared.seed
@shared.skip_unreadable("Leave out images that cannot be read.")
@shared.ray(
    "Read the images on a Ray cluster first: HOST:PORT, auto for the one that runs here, or local. All nodes "
    "have to see the cache folder (DEFECTORY_CACHE)."
)
@shared.no_cache("Keep neither features nor interrupted training.")
@shared.max_memory
@shared.threads
@shared.overwrite("the folder")
@shared.quiet
@plain_errors
@shared.provider
@brings("data")
def outliers(
    data: Path,
    folder: Path,
    overwrite: bool,
    ray_address: str | None,
    n_shards: int | None,
    no_cache: bool,
    **settings: Any,
) -> None:
    """Find which images of DATA do not belong, without a single label.

    DATA is a folder of any depth, a manifest, or IDX files (MNIST); labels are not looked at. Writes a
    ranked list (JSONL and CSV), a summary, and a page with the oddest images beside what belongs.
    Interrupted? Run it again: it goes on where it was.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.outliers.exports import outliers_to_folder
    from defectory.workflows.outliers.results import OutlierOptions

    options = OutlierOptions(use_cache=not no_cache, **settings)
    shared.check_ray(ray_address, n_shards, _NOT_WITH_RAY)
    with Bars() as bars:
        read_ahead = None
        if ray_address is not None:
            from defectory.cli.clusters import cluster_at
            from defectory.distributed.commands import read_on_cluster

            cluster = cluster_at(ray_address)
            read_ahead = partial(read_on_cluster, cluster, data, options, n_shards, bars)
        summary = outliers_to_folder(
            data, folder, options, overwrite=overwrite, read_ahead=read_ahead, progress=bars
        )
    click.echo(
        f"{summary['n_outliers']} of {summary['n_images']} images do not seem to belong "
        f"({summary['outlier_ratio']:.1%}; {summary['ratio_from']})."
    )
    for note in summary["notes"]:
        click.echo(f"Note: {note}")
    click.echo(f"Wrote {folder / 'outliers.jsonl'}. Look at {folder / 'outliers.html'}")
