"""The command `fit`."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import names
from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.paths import ANY_PLACE, PLACE_TO_WRITE
from defectory.cli.quantities import SHARE
from defectory.cli.remote import brings, file_to_write
from defectory.cli.text import print_fit


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("data", type=ANY_PLACE)
@click.option(
    "-o", "--output", "bundle", type=PLACE_TO_WRITE, required=True, help="Bundle to write."
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
@shared.overwrite("a bundle")
@shared.quiet
@plain_errors
@shared.provider
@brings("data")
def fit(data: Path, bundle: Any, overwrite: bool, no_cache: bool, **settings: Any) -> None:
    """Learn what is normal from DATA and write a bundle.

    Training images that look defective are listed beside it, in BUNDLE's name with .suspects.jsonl.
    The train split is used, or everything where nothing is called train. Test images are never
    looked at. Interrupted? Run it again: features that were read already come from the cache.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.fitting.options import FitOptions
    from defectory.workflows.fitting.save import fit_to_bundle
    from defectory.workflows.suspects import suspects_path

    is_quiet = click.get_current_context().meta[shared.QUIET]
    options = FitOptions(use_cache=not no_cache, tell_cost=not is_quiet, **settings)
    with file_to_write(bundle, beside=suspects_path) as file, Bars() as bars:
        result, suspects = fit_to_bundle(data, file, options, overwrite=overwrite, progress=bars)
    print_fit(result, file, suspects)
