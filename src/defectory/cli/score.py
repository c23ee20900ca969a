"""The command `score`, and what it prints."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.remote import brings, is_in_store
from defectory.cli.text import (
    as_command,
    counted,
    one_line,
    print_gray_zone,
    print_images,
    print_merged,
    print_notes,
    print_provider,
)
from defectory.cli.values import ANY_PLACE, FILE_TO_WRITE, SHARD, SHARE

if TYPE_CHECKING:
    _Choice = click.Choice[str]
else:
    _Choice = click.Choice  # which can be subscripted from click 8.2 on


class TableFormat(_Choice):
    """Knows where those are to be sent who look for Excel."""

    def __init__(self) -> None:
        super().__init__(("jsonl", "csv", "parquet"), case_sensitive=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name of the format."""
        if str(value).lower() in ("xlsx", "xls", "excel"):
            self.fail(
                f"{value!r} is not written; for Excel take csv, or --excel where decimals have commas",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("bundle", type=ANY_PLACE)
@click.argument("images", type=ANY_PLACE, nargs=-1, required=True)
@shared.output_place
@click.option(
    "--heatmaps",
    is_flag=True,
    help="Write each image with its heatmap over it, too, and a box around each region.",
)
@click.option(
    "--format",
    "file_format",
    type=TableFormat(),
    default="jsonl",
    show_default=True,
    help="Of the table of results.",
)
@shared.excel
@click.option(
    "--alarm",
    type=FILE_TO_WRITE,
    metavar="FILE",
    help="Watch for drift: ring where scores of passing parts have risen, so that the promise no longer "
    "holds. FILE keeps what was seen so far, from run to run.",
)
@shared.other_promise
@shared.miss_rate
@click.option(
    "--fdr",
    type=SHARE,
    metavar="R",
    help="Mark discoveries, by Benjamini and Hochberg: of the images marked, on average at most this share "
    "(the false discovery rate) are good.",
)
@click.option(
    "--shard",
    type=SHARD,
    metavar="I/N",
    help="Score one of N parts of IMAGES, 0/N to N-1/N, into a folder that all share, on any machines and in "
    "any order; then run merge.",
)
@click.option(
    "--chunk-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images in a file of a shard, which a killed process has to score again; 4096 unless given.",
)
@shared.ray(
    "Score all shards on a Ray cluster, and merge: HOST:PORT, auto for the one that runs here, or local to "
    "start one here. All nodes have to see the output folder."
)
@shared.skip_unreadable("List unreadable images instead of stopping.")
@shared.max_memory
@shared.threads
@shared.overwrite("the folder")
@shared.quiet
@plain_errors
@shared.provider
@shared.allow_plugins
@brings("bundle")
def score(
    bundle: Path,
    images: tuple[Any, ...],
    folder: Any,
    heatmaps: bool,
    file_format: str,
    for_excel: bool,
    alarm: Path | None,
    false_reject_rate: float | None,
    miss_rate: float | None,
    fdr: float | None,
    shard: tuple[int, int] | None,
    chunk_size: int | None,
    ray_address: str | None,
    n_shards: int | None,
    skip_unreadable: bool,
    overwrite: bool,
    max_memory_bytes: int | None,
) -> None:
    """Score IMAGES with BUNDLE: raw score, decision, and defect regions in original pixels.

    IMAGES are files, folders at any depth, lists (CSV, JSON, Parquet), or patterns such as 'new/*.png'. The
    highest scores come first. Interrupted? Run it again: it goes on where it was.
    """
    table = "excel" if for_excel else file_format
    if ray_address is not None:
        _check_goes_with("--ray", images, {**_NOT_WITH_SHARD, **_NOT_WITH_RAY})
        if not isinstance(folder, Path):
            raise click.UsageError("--ray does not go with -o in a store: run --shard by hand")
        is_asked_for = for_excel or not shared.is_default("file_format")
        from defectory.cli.clusters import score_at

        score_at(
            ray_address, bundle, images[0], folder, n_shards, table if is_asked_for else None,
            false_reject_rate=false_reject_rate, miss_rate=miss_rate, chunk_size=chunk_size,
        )  # fmt: skip
        return
    shared.check_ray(ray_address, n_shards, {})
    is_remote = any(map(is_in_store, (*images, folder)))
    if shard is not None or is_remote:
        if shard is not None:
            _check_goes_with("--shard", images, {**_NOT_WITH_SHARD, **_SAID_TO_MERGE})
        else:
            _check_goes_with("remote data", images, _NOT_WITH_SHARD)
        _score_shard(
            bundle, images[0], folder, shard or (0, 1), chunk_size, false_reject_rate, miss_rate
        )
        if shard is None:
            _merge(folder, table)
        return
    if chunk_size is not None:
        raise click.UsageError("--chunk-size goes with --shard I/N and --ray")
    from defectory.cli.bars import Bars
    from defectory.workflows.scoring.folder import score_to_folder

    with Bars() as bars:
        summary = score_to_folder(
            bundle,
            images,
            folder,
            heatmaps=heatmaps,
            file_format=table,
            false_reject_rate=false_reject_rate,
            miss_rate=miss_rate,
            fdr=fdr,
            skip_unreadable=skip_unreadable,
            overwrite=overwrite,
            max_memory_bytes=max_memory_bytes,
            alarm=alarm,
            progress=bars,
        )
    _print_summary(summary)
    if summary.alarm is not None:
        _print_alarm(summary.alarm, bundle)


_NOT_WITH_SHARD = {
    "heatmaps": "--heatmaps: draw those of the worst images afterwards",
    "alarm": "--alarm, which sees images in their order",
    "fdr": "--fdr, which needs all scores",
    "max_memory_bytes": "--max-memory: say --threads",
    "overwrite": "--overwrite, since others write the folder, too: choose another one",
}
"""Parameter -> its option, and what to do instead."""

_SAID_TO_MERGE = {
    "file_format": "--format: say it to merge",
    "for_excel": "--excel: say it to merge",
}
_NOT_WITH_RAY = {
    "shard": "--shard, which is one of them by hand",
    "provider": "--provider: run --shard by hand",
    "packages": "--allow-plugins: run --shard by hand",
}


def _check_goes_with(option: str, images: tuple[Any, ...], others: Mapping[str, str]) -> None:
    """Refuse what goes with a whole collection only; UsageError."""
    shared.refuse_beside(option, others)
    if len(images) > 1:
        raise click.UsageError(
            f"{option} takes one folder or list; write several into a list (CSV, JSON lines or Parquet)"
        )


def _score_shard(
    bundle: Path,
    images: Any,
    folder: Any,
    shard: tuple[int, int],
    chunk_size: int | None,
    false_reject_rate: float | None,
    miss_rate: float | None,
) -> None:
    from defectory.cli.bars import Bars
    from defectory.workflows.shards.membership import Shard
    from defectory.workflows.shards.score import CHUNK_SIZE, score_shard

    with Bars() as bars:
        summary = score_shard(
            bundle,
            images,
            folder,
            Shard(*shard),
            false_reject_rate=false_reject_rate,
            miss_rate=miss_rate,
            chunk_size=CHUNK_SIZE if chunk_size is None else chunk_size,
            progress=bars,
        )
    unreadable = f", {summary.n_unreadable:,} unreadable" if summary.n_unreadable else ""
    kept = f"; {summary.n_kept:,} were there already" if summary.n_kept else ""
    click.echo(
        f"Shard {summary.shard} has {counted(summary.n_images, 'image')}: {summary.n_rejected:,} "
        f"rejected{unreadable}{kept}."
    )
    print_notes(summary.notes)
    if shard[1] > 1:
        todo = as_command("defectory", "merge", folder)
        click.echo(one_line(f"Wrote {summary.folder}. When all are there, run  {todo}"))


def _merge(folder: Any, file_format: str) -> None:
    """Make the table of a collection that was scored as one shard."""
    from defectory.cli.bars import Bars
    from defectory.workflows.shards.merge import merge_shards

    with Bars() as bars:
        merged = merge_shards(folder, file_format=file_format, progress=bars)
    print_merged(merged)


def _print_summary(summary: Any) -> None:
    print_images(summary.rejected, summary.n_rejected, "rejected")
    print_images(summary.review, summary.n_review, "to look at")
    review = f", {summary.n_review} to look at" if summary.gray_zone else ""
    unreadable = f", {summary.n_unreadable} unreadable" if summary.n_unreadable else ""
    n_accepted = summary.n_scored - summary.n_rejected - summary.n_review
    click.echo(
        f"Scored {counted(summary.n_scored, 'image')}: {summary.n_rejected} rejected (score above "
        f"{summary.threshold:.4g}){review}, {n_accepted} accepted{unreadable}."
    )
    print_provider(summary.provider)
    print_gray_zone(summary.gray_zone)
    if summary.discoveries:
        click.echo(summary.discoveries.explain())
    print_notes(summary.notes)
    click.echo(f"Wrote {summary.table}{' and heatmaps' if summary.has_heatmaps else ''}.")


def _print_alarm(record: Any, bundle: Path) -> None:
    if record.n_again:
        again = counted(record.n_again, "image")
        click.echo(f"Note: {again} were seen by the alarm before and do not count again.")
    if not record.alarm.is_ringing:
        click.echo(record.alarm.explain())
        return
    rang_on = record.rang_on
    where = f" It rang at {rang_on.image}, scored on {rang_on.date}." if rang_on else ""
    todo = as_command("defectory", "recalibrate", bundle, "IMAGES", "-o", "NEW")
    told = (
        f"{record.alarm.explain()}{where} Check lamp and camera. Where good parts have changed, run"
    )
    click.echo(f"{one_line(told)}  {todo}", err=True)
