"""The command `update`, and what it prints."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.remote import brings
from defectory.cli.text import counted, print_gray_zone, print_notes
from defectory.cli.values import ANY_PLACE

_MAX_LISTED = 20


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("bundle", type=ANY_PLACE)
@click.argument("labels", type=ANY_PLACE)
@shared.new_bundle
@shared.as_json
@shared.label_words
@shared.group_by
@click.option(
    "--force",
    is_flag=True,
    help="Write the new bundle even where it decides worse on images that are known.",
)
@shared.no_cache("Do not keep features on disk.")
@shared.max_memory
@shared.threads
@shared.overwrite("a bundle")
@shared.quiet
@plain_errors
@shared.provider
@shared.allow_plugins
@brings("bundle", "labels")
def update(
    bundle: Path,
    labels: Path,
    new_bundle: Path,
    as_json: bool,
    force: bool,
    no_cache: bool,
    overwrite: bool,
    max_memory_bytes: int | None,
    good_words: tuple[str, ...],
    bad_words: tuple[str, ...],
    group_by: str | None,
) -> None:
    """Teach BUNDLE the LABELS that a person has confirmed: false alarms, missed defects.

    LABELS is a CSV or JSONL manifest of images that are normal or anomalous, with masks where there are
    any; its paths are relative to its folder, and rows without a label are left out.
    Says which decisions on images with a confirmed label flip. Where held-out images are decided worse than
    before, nothing is written: a wrong label costs more than it teaches.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.updating.update import update_bundle

    with Bars() as bars:
        result = update_bundle(
            bundle,
            labels,
            new_bundle,
            overwrite=overwrite,
            max_memory_bytes=max_memory_bytes,
            use_cache=not no_cache,
            good_words=good_words,
            bad_words=bad_words,
            group_by=group_by,
            force=force,
            progress=bars,
        )
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=1, allow_nan=False))
    else:
        _print_update(result, new_bundle)


def _print_update(result: Any, new_bundle: Path) -> None:
    masks = f"; {result.n_masks} with a mask" if result.n_masks else ""
    click.echo(
        f"Took {counted(result.n_labels, 'label')} ({result.n_normal} normal, {result.n_anomalous} anomalous"
        f"{masks}) in {result.wall_s:.1f} s."
    )
    print_notes(result.notes)
    for line in result.account:
        click.echo(line)
    threshold = result.model.threshold
    was = result.threshold_before.value
    click.echo(f"Threshold {threshold.value:.4g} (was {was:.4g}): {threshold.explain()}")
    print_gray_zone(result.model.gray_zone)
    effect = result.effect
    if effect.n_defects:
        of_good = (
            f" Of the images confirmed good: {effect.n_false_before} of {effect.n_good} rejected before, "
            f"{effect.n_false_after} of {effect.n_good} after."
            if effect.n_good
            else ""
        )
        click.echo(
            f"Of {counted(effect.n_defects, 'defect')} confirmed now, held out from both: "
            f"{effect.n_found_before} found before, {effect.n_found_after} after.{of_good}"
        )
    flips, wrong = result.flips, result.still_wrong
    n_right = sum(image.is_right for image in flips)
    click.echo(
        f"Decisions that change on images with a confirmed label (of the fit: by models without them): "
        f"{len(flips)} of {len(result.checked)}"
        + (f", {n_right} rightly and {len(flips) - n_right} wrongly." if flips else ".")
    )
    accept = result.model.accept_threshold
    _print_images(flips, "now right", "now wrong", accept)
    click.echo(f"Decided wrongly as before: {len(wrong)}.")
    _print_images(wrong, "", "still wrong", accept)
    click.echo(f"Wrote {new_bundle} ({new_bundle.stat().st_size / 1e6:.1f} MB).")


def _print_images(images: Sequence[Any], right: str, wrong: str, accept: float | None) -> None:
    for image in images[:_MAX_LISTED]:
        name = click.format_filename(image.name)  # its bytes need not be text
        click.echo(
            f"  {right if image.is_right else wrong}: {name}, {image.label.name.lower()}, "
            f"{_decided(image, accept)}, "
            f"score {image.before:.4g} -> {image.after:.4g}"
        )
    if len(images) > _MAX_LISTED:
        click.echo(f"  and {len(images) - _MAX_LISTED} more; --json lists all")


def _decided(image: Any, accept: float | None) -> str:
    """Return what is decided of a checked image, of which the label says the rest."""
    if image.is_rejected:
        return "rejected"
    return "accepted" if accept is None or image.after < accept else "not rejected"
