"""The command `fit`."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import names
from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.remote import brings, file_to_write
from defectory.cli.text import print_fit
from defectory.cli.values import ANY_PATH, ANY_PLACE, FILE_TO_WRITE, PLACE_TO_WRITE, SHARD, SHARE


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("data", type=ANY_PLACE, required=False)
@click.option("-o", "--output", "bundle", type=PLACE_TO_WRITE, help="Bundle to write.")
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
    help="Confidence with which that holds.",
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
    help="Count unlabeled images as good, since you have looked at them: the promise may rest on them.",
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
@click.option(
    "--export-statistics",
    "exported",
    type=FILE_TO_WRITE,
    metavar="FILE",
    help="Write no bundle, but statistics that may leave where pictures may not (gaussian).",
)
@click.option(
    "--from-statistics",
    "places",
    type=ANY_PATH,
    multiple=True,
    metavar="FILE",
    help="Fit from what several places exported, each its own FILE; DATA of one of them, or none.",
)
@shared.ray(
    "Make these parts on a Ray cluster, and fit: HOST:PORT, auto for the one that runs here, or local. All "
    "nodes have to see the folder of the bundle."
)
@shared.overwrite("a bundle")
@shared.quiet
@plain_errors
@shared.provider
@brings("data")
def fit(
    data: Path | None,
    bundle: Any,
    overwrite: bool,
    no_cache: bool,
    shard: tuple[int, int] | None,
    parts: Path | None,
    known: Path | None,
    exported: Path | None,
    places: tuple[Path, ...],
    ray_address: str | None,
    n_shards: int | None,
    **settings: Any,
) -> None:
    """Learn what is normal from DATA and write a bundle.

    Training images that look defective are listed beside it, in BUNDLE's name with .suspects.jsonl.
    The train split is used, or everything where nothing is called train. Test images are never
    looked at. Interrupted? Run it again: features that were read already come from the cache.
    """
    from defectory.cli import partial_fits
    from defectory.cli.bars import Bars
    from defectory.workflows.fitting.options import FitOptions
    from defectory.workflows.fitting.save import fit_to_bundle
    from defectory.workflows.suspects import suspects_path

    _check_one_way(
        {
            "--shard": shard,
            "--from-parts": parts,
            "--resume-from": known,
            "--export-statistics": exported,
            "--from-statistics": places or None,
        }
    )
    shared.check_ray(ray_address, n_shards, _NOT_WITH_RAY)
    is_quiet = click.get_current_context().meta[shared.QUIET]
    options = FitOptions(use_cache=not no_cache, tell_cost=not is_quiet, **settings)
    if exported is not None:
        if bundle is not None:
            raise click.UsageError("--export-statistics does not go with -o: it writes no bundle")
        partial_fits.export(_given(data, _NO_DATA), exported, options, overwrite)
        return
    _given(bundle, "Missing option '-o' / '--output'.")
    if places:
        partial_fits.from_statistics(places, _here(bundle), data, options, overwrite)
        return
    data = _given(data, _NO_DATA)
    if shard is not None:
        partial_fits.collect(data, _here(bundle), shard, options)
        return
    if known is not None:
        partial_fits.resume(known, data, _here(bundle), options, overwrite)
        return
    if ray_address is not None:
        from defectory.cli.clusters import fit_at

        fit_at(ray_address, data, _here(bundle), options, n_shards, overwrite=overwrite)
        return
    with file_to_write(bundle, beside=suspects_path) as file, Bars() as bars:
        result, suspects = fit_to_bundle(
            data, file, options, parts=parts, overwrite=overwrite, progress=bars
        )
    print_fit(result, file, suspects)


_NO_DATA = "Missing argument 'DATA'."


def _here(path: Any) -> Path:
    """Return a path on this machine; UsageError for one in a store."""
    if not isinstance(path, Path):
        raise click.UsageError(f"-o {path}: give a path on this machine")
    return path


def _given(path: Path | None, missing: str) -> Path:
    if path is None:
        raise click.UsageError(missing)
    return path


_NOT_WITH = {
    "--shard": {"time_budget_s": "--time-budget", "miss_rate": "--miss-rate"},
    "--from-parts": {"time_budget_s": "--time-budget"},
    "--export-statistics": {"time_budget_s": "--time-budget", "max_memory_bytes": "--max-memory"},
    "--from-statistics": {
        "max_memory_bytes": "--max-memory",
        "detector": "--detector",
        "backbone": "--backbone",
        "size_px": "--size",
        "n_tiles": "--tiles",
        "seed": "--seed",
        "time_budget_s": "--time-budget",
    },
    "--resume-from": {
        "max_memory_bytes": "--max-memory",
        "detector": "--detector",
        "backbone": "--backbone",
        "weights": "--weights",
        "size_px": "--size",
        "n_tiles": "--tiles",
        "speed": "--speed",
        "seed": "--seed",
        "device": "--device",
        "false_reject_rate": "--false-reject-rate",
        "confidence": "--confidence",
        "miss_rate": "--miss-rate",
        "time_budget_s": "--time-budget",
    },
}
"""What options leave no room for: parameters and how they are said."""

_NOT_WITH_RAY = {
    "shard": "--shard, which is one of them by hand",
    "parts": "--from-parts, which are made by hand",
    "known": "--resume-from",
    "exported": "--export-statistics",
    "places": "--from-statistics",
    "time_budget_s": "--time-budget",
    "provider": "--provider: run --shard by hand",
}


def _check_one_way(ways: dict[str, object]) -> None:
    """Refuse options that say different things."""
    said = [name for name, value in ways.items() if value is not None]
    if len(said) > 1:
        raise click.UsageError(f"{said[0]} does not go with {said[1]}")
    context = click.get_current_context()
    for way in said:
        for name, option in _NOT_WITH[way].items():
            if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
                raise click.UsageError(f"{way} does not go with {option}")
