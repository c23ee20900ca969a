"""What `fit` prints where it passes over a part, goes on from a bundle, or has statistics for pictures."""

from pathlib import Path
from typing import Any

import click

from defectory.cli.bars import Bars
from defectory.cli.text import as_command, counted, one_line, print_gray_zone, print_notes

N_LISTED = 10
"""Images that are named."""


def export(data: Path, path: Path, options: Any, overwrite: bool) -> None:
    """Write statistics that may leave, and print all that is in the file."""
    from defectory.workflows.fitting.federated import export_statistics

    with Bars() as bars:
        found = export_statistics(data, path, options, overwrite=overwrite, progress=bars)
    click.echo(f"Statistics of {counted(found.n_images, 'image')}. All that is in the file:")
    for name, shape, n_bytes in found.contents:
        click.echo(f"  {name:<28} {' x '.join(map(str, shape)):<20} {n_bytes:>12,} bytes")
    print_notes(found.notes)
    click.echo(f"Wrote {found.path} ({found.n_bytes / 1e6:.1f} MB): no picture, path or name.")


def from_statistics(
    places: tuple[Path, ...], bundle: Path, data: Path | None, options: Any, overwrite: bool
) -> None:
    """Fit from what several places exported, and print the threshold."""
    from defectory.workflows.fitting.federated import fit_from_statistics

    with Bars() as bars:
        model = fit_from_statistics(
            places, bundle, data, options, overwrite=overwrite, progress=bars
        )
    click.echo(model.threshold.explain())
    print_notes([note for note in model.facts.notes if note != model.threshold.explain()])
    click.echo(f"Wrote {bundle}.")


def collect(data: Path, folder: Path, shard: tuple[int, int], options: Any) -> None:
    """Collect one part of a fit, and print where it lies."""
    from defectory.workflows.fitting.parts import collect_part
    from defectory.workflows.shards.membership import Shard

    with Bars() as bars:
        summary = collect_part(data, folder, Shard(*shard), options, progress=bars)
    what = "was there already" if summary.was_there else "is collected"
    click.echo(f"Part {summary.shard} of {counted(summary.n_images, 'image')} {what}.")
    print_notes(summary.notes)
    click.echo(
        one_line(
            f"Wrote {summary.path}. When all are there, run the same with  "
            f"{as_command('--from-parts', folder, '-o', 'BUNDLE')}  in place of --shard"
        )
    )


def resume(known: Path, data: Path, bundle: Path, options: Any, overwrite: bool) -> None:
    """Learn from new images beside what a bundle knows, and print what was learned."""
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
    threshold = resumed.model.threshold
    click.echo(
        f"Threshold {threshold.value:.4g} (was {resumed.threshold_before:.4g}): {threshold.explain()}"
    )
    print_gray_zone(resumed.model.gray_zone)
    print_notes([note for note in resumed.notes if note != threshold.explain()])
    click.echo(f"Wrote {bundle}.")
