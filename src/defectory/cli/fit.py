"""The command `fit`."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import names
from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.paths import ANY_PATH, FILE_TO_WRITE
from defectory.cli.quantities import SHARD, SHARE
from defectory.cli.text import counted, one_line, print_fit, print_notes

N_LISTED = 10
"""Images that are named."""


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("data", type=ANY_PATH)
@click.option(
    "-o", "--output", "bundle", type=FILE_TO_WRITE, required=True, help="Bundle to write."
)
@names.detector
@shared.size(256, "Side that images are resized to; a multiple of 32.")
@click.option(
    "--tiles",
    "n_tiles",
    type=int,
    default=1,
    show_default=True,
    metavar="N",
    help="Read images as N x N tiles of that size: for tiny defects.",
)
@shared.speed
@shared.seed
@click.option(
    "--false-reject-rate",
    type=SHARE,
    default=0.01,
    show_default=True,
    metavar="R",
    help="At most this share of good parts may be rejected.",
)
@click.option(
    "--confidence",
    type=SHARE,
    default=0.95,
    show_default=True,
    metavar="C",
    help="How surely that is to hold.",
)
@shared.miss_rate
@names.backbone
@names.weights
@shared.time_budget("learn from fewer images where all would take longer.")
@shared.device
@shared.max_memory
@shared.threads
@shared.label_words
@shared.group_by
@click.option(
    "--assume-good",
    is_flag=True,
    help="Unlabeled images are good, I have looked: the threshold may promise by them.",
)
@click.option(
    "--no-probes",
    "keep_probes",
    flag_value=False,
    default=True,
    help="Keep no images in the bundle: `export` then needs some good ones to check itself by.",
)
@shared.skip_unreadable("Leave out images that cannot be read.")
@shared.no_cache("Do not keep features on disk.")
@click.option(
    "--shard",
    type=SHARD,
    metavar="I/N",
    help="Pass over part I of N alone, and leave its statistics in the folder -o OUT, for --from-parts.",
)
@click.option(
    "--from-parts",
    "parts",
    type=ANY_PATH,
    metavar="OUT",
    help="Take what all --shard runs left in OUT for the images, and read only a draw of them.",
)
@click.option(
    "--resume-from",
    "known",
    type=ANY_PATH,
    metavar="BUNDLE",
    help="Learn from DATA beside what BUNDLE has learned; nothing of that is read again.",
)
@shared.overwrite("a bundle")
@shared.quiet
@plain_errors
@shared.provider
def fit(
    data: Path,
    bundle: Path,
    overwrite: bool,
    no_cache: bool,
    shard: tuple[int, int] | None,
    parts: Path | None,
    known: Path | None,
    **settings: Any,
) -> None:
    """Learn what is normal from DATA and write a bundle.

    Training images that look defective are listed beside it, in BUNDLE's name with .suspects.jsonl.
    The train split is used, or everything where nothing is called train. Test images are never
    looked at. Interrupted? Run it again: features that were read already come from the cache.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.fitting.options import FitOptions
    from defectory.workflows.fitting.save import fit_to_bundle

    _check_one_way(shard, parts, known)
    is_quiet = click.get_current_context().meta[shared.QUIET]
    options = FitOptions(use_cache=not no_cache, tell_cost=not is_quiet, **settings)
    if shard is not None:
        _collect_part(data, bundle, shard, options)
        return
    if known is not None:
        _resume(known, data, bundle, options, overwrite)
        return
    with Bars() as bars:
        result, suspects = fit_to_bundle(
            data, bundle, options, parts=parts, overwrite=overwrite, progress=bars
        )
    print_fit(result, bundle, suspects)


_NOT_WITH = {
    "--shard": {"time_budget_s": "--time-budget", "miss_rate": "--miss-rate"},
    "--from-parts": {"time_budget_s": "--time-budget"},
    "--resume-from": {
        "detector": "--detector",
        "backbone": "--backbone",
        "weights": "--weights",
        "size_px": "--size",
        "n_tiles": "--tiles",
        "speed": "--speed",
        "false_reject_rate": "--false-reject-rate",
        "confidence": "--confidence",
        "miss_rate": "--miss-rate",
        "time_budget_s": "--time-budget",
    },
}
"""What options leave no room for: parameters and how they are said."""


def _check_one_way(shard: tuple[int, int] | None, parts: Path | None, known: Path | None) -> None:
    """Refuse options that say different things."""
    ways = {"--shard": shard, "--from-parts": parts, "--resume-from": known}
    said = [name for name, value in ways.items() if value is not None]
    if len(said) > 1:
        raise click.UsageError(f"{said[0]} does not go with {said[1]}")
    context = click.get_current_context()
    for way in said:
        for name, option in _NOT_WITH[way].items():
            if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
                raise click.UsageError(f"{way} does not go with {option}")


def _collect_part(data: Path, folder: Path, shard: tuple[int, int], options: Any) -> None:
    from defectory.cli.bars import Bars
    from defectory.workflows.fitting.parts import collect_part
    from defectory.workflows.shards.membership import Shard

    with Bars() as bars:
        summary = collect_part(data, folder, Shard(*shard), options, progress=bars)
    what = "was there already" if summary.was_there else "is collected"
    click.echo(f"Part {summary.shard} of {counted(summary.n_images, 'image')} {what}.")
    print_notes(summary.notes)
    click.echo(
        one_line(
            f"Wrote {summary.path}. When all are there, run the same with  --from-parts {folder} "
            "-o BUNDLE  in place of --shard"
        )
    )


def _resume(known: Path, data: Path, bundle: Path, options: Any, overwrite: bool) -> None:
    from defectory.cli.bars import Bars
    from defectory.workflows.fitting.resume import resume_to_bundle

    with Bars() as bars:
        resumed = resume_to_bundle(known, data, bundle, options, overwrite=overwrite, progress=bars)
    click.echo(
        f"Learned from {resumed.n_learned:,} of {counted(resumed.n_images, 'image')} in "
        f"{resumed.wall_s:.0f} s."
    )
    for name in resumed.doubted[:N_LISTED]:
        click.echo(f"  not learned, as {known.name} rejects it: {one_line(name)}")
    n_more = len(resumed.doubted) - N_LISTED
    if n_more > 0:
        click.echo(f"  and {n_more:,} more")
    click.echo(resumed.model.threshold.explain())
    print_notes([note for note in resumed.notes if note != resumed.model.threshold.explain()])
    click.echo(f"Wrote {bundle}.")
