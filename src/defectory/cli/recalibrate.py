"""The command `recalibrate`, and what it prints."""

import json
from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.text import counted, print_gray_zone, print_notes
from defectory.cli.values import ANY_PATH


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("bundle", type=ANY_PATH)
@click.argument("images", type=ANY_PATH, nargs=-1, required=True)
@shared.new_bundle
@click.option(
    "--add",
    "keeps_old",
    is_flag=True,
    help="Keep the held-out scores of BUNDLE beside the new ones: more good images, nothing has changed.",
)
@shared.as_json
@shared.label_words
@shared.group_by
@shared.max_memory
@shared.threads
@shared.overwrite("a bundle")
@shared.quiet
@plain_errors
@shared.provider
@shared.allow_plugins
def recalibrate(
    bundle: Path,
    images: tuple[Path, ...],
    new_bundle: Path,
    keeps_old: bool,
    as_json: bool,
    overwrite: bool,
    max_memory_bytes: int | None,
    good_words: tuple[str, ...],
    bad_words: tuple[str, ...],
    group_by: str | None,
) -> None:
    """Fit the threshold of BUNDLE anew on IMAGES of good parts as they are now; learn nothing else.

    IMAGES are files, folders, lists (CSV or JSON), or patterns such as 'today/*.png'. You say by giving them
    that they are good; those that a list or a folder's name calls defective are left out.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.recalibrating.recalibrate import recalibrate_bundle

    with Bars() as bars:
        result = recalibrate_bundle(
            bundle,
            images,
            new_bundle,
            keeps_old=keeps_old,
            overwrite=overwrite,
            max_memory_bytes=max_memory_bytes,
            good_words=good_words,
            bad_words=bad_words,
            group_by=group_by,
            progress=bars,
        )
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=1, allow_nan=False))
    else:
        _print_recalibration(result, new_bundle)


def _print_recalibration(result: Any, new_bundle: Path) -> None:
    n = result.n_images
    click.echo(
        f"Scored {counted(n, 'good image')} in {result.wall_s:.1f} s: the threshold before rejected "
        f"{result.n_rejected_before} of them ({result.n_rejected_before / n:.1%}), the new one "
        f"{result.n_rejected}."
    )
    print_notes(result.notes)
    threshold, before = result.model.threshold, result.threshold_before
    click.echo(f"Threshold before {before.value:.4g}: {before.explain()}")
    click.echo(f"Threshold now {threshold.value:.4g}: {threshold.explain()}")
    print_gray_zone(result.model.gray_zone)
    click.echo(f"Wrote {new_bundle} ({new_bundle.stat().st_size / 1e6:.1f} MB).")
