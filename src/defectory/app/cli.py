"""The command line. It only reads arguments, calls the workflows of `app`, and prints."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from defectory import __version__
from defectory.app import cli_options as shared
from defectory.app.cli_errors import plain_errors
from defectory.app.cli_text import print_evaluation, print_fit
from defectory.app.cli_update import update
from defectory.app.quantities import BYTES

_OUT_FILE = click.Path(dir_okay=False, path_type=Path)
_ANY_PATH = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="defectory")
def main() -> None:
    """Find defects in product images: fit on what you have, score, evaluate, report.

    DATA is a folder (MVTec layout; good/, defect.../, unlabeled/; or just images) or a CSV or JSONL
    manifest. BUNDLE is the one file that fit writes and that scores the same wherever it is shipped.
    """


@main.command()
@click.argument("data", type=_ANY_PATH)
@click.option("-o", "--output", "bundle", type=_OUT_FILE, required=True, help="Bundle to write.")
@shared.detector
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
@shared.seed
@click.option(
    "--false-reject-rate",
    type=float,
    default=0.01,
    show_default=True,
    metavar="R",
    help="At most this share of good parts may be rejected.",
)
@click.option(
    "--confidence",
    type=float,
    default=0.95,
    show_default=True,
    metavar="C",
    help="How surely that is to hold.",
)
@click.option(
    "--backbone",
    default="efficientnet-lite0",
    show_default=True,
    help="Frozen features: efficientnet-lite0, or timm:NAME.",
)
@shared.time_budget("learn from fewer images where all would take longer.")
@shared.device
@click.option(
    "--max-memory",
    "max_memory_bytes",
    type=BYTES,
    metavar="SIZE",
    help="Such as 800MB, 2GB: refuse work that would need more.",
)
@shared.skip_unreadable("Leave out images that cannot be read.")
@shared.no_cache("Do not keep features on disk.")
@shared.overwrite("bundle")
@plain_errors
def fit(data: Path, bundle: Path, overwrite: bool, no_cache: bool, **settings: Any) -> None:
    """Learn what is normal from DATA and write a bundle.

    Training images that look defective are listed beside it, in BUNDLE's name with .suspects.jsonl.
    The train split is used, or everything where nothing is called train. Test images are never
    looked at. Interrupted? Run it again: features that were read already come from the cache.
    """
    from defectory.app.bars import Bars
    from defectory.app.fitting import FitOptions, check_fit_output, fit_dataset, save_fit

    check_fit_output(bundle, overwrite=overwrite)
    with Bars() as bars:
        result = fit_dataset(data, FitOptions(use_cache=not no_cache, **settings), progress=bars)
    print_fit(result, bundle, save_fit(result, bundle))


main.add_command(update)


@main.command()
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
@shared.overwrite("folder")
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
) -> None:
    """Score IMAGES with BUNDLE: raw score, decision, and defect regions in original pixels."""
    from defectory.app.bars import Bars
    from defectory.app.exports import check_output
    from defectory.app.workflows import score_to_folder

    check_output(folder, overwrite=overwrite)
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
            progress=bars,
        )
    click.echo(
        f"Scored {summary.n_scored} images: {summary.n_rejected} rejected, "
        f"{summary.n_scored - summary.n_rejected} accepted"
        + (f", {summary.n_unreadable} unreadable" if summary.n_unreadable else "")
        + "."
    )
    click.echo(
        f"Wrote {folder / f'scores.{file_format}'}" + (" and heatmaps" if heatmaps else "") + "."
    )


@main.command()
@click.argument("bundle", type=_ANY_PATH)
@click.argument("data", type=_ANY_PATH)
@click.option("--json", "json_path", type=_OUT_FILE, help="Write the figures as JSON.")
@click.option("--report", "report_path", type=_OUT_FILE, help="Write a standalone HTML report.")
@shared.other_promise
@shared.skip_unreadable("Leave out images that cannot be read.")
@plain_errors
def evaluate(
    bundle: Path,
    data: Path,
    json_path: Path | None,
    report_path: Path | None,
    false_reject_rate: float | None,
    skip_unreadable: bool,
) -> None:
    """Judge BUNDLE on the labeled images of DATA (its test split, if it has one)."""
    from defectory.app.bars import Bars
    from defectory.app.workflows import evaluate_bundle

    command = f"defectory evaluate {bundle} {data}"
    with Bars() as bars:
        evaluation = evaluate_bundle(
            bundle,
            data,
            json_path=json_path,
            report_path=report_path,
            command=command,
            false_reject_rate=false_reject_rate,
            skip_unreadable=skip_unreadable,
            progress=bars,
        )
    print_evaluation(evaluation, json_path, report_path)


@main.command()
@click.argument("data", type=_ANY_PATH)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@plain_errors
def inspect(data: Path, as_json: bool) -> None:
    """Examine DATA before training: what was understood, and what is wrong with it.

    Exit status 1 where something is wrong that would stop training.
    """
    from defectory.app.bars import Bars
    from defectory.app.workflows import inspect_data, inspection_text

    with Bars() as bars:
        inspection = inspect_data(data, progress=bars)
    if as_json:
        click.echo(json.dumps(inspection.to_dict(), indent=1, default=str, allow_nan=False))
    else:
        click.echo(inspection_text(inspection), nl=False)
    if inspection.has_errors:
        sys.exit(1)


@main.command()
@click.argument("data", type=_ANY_PATH)
@shared.output_folder
@click.option(
    "--n",
    "n_images",
    type=int,
    default=24,
    show_default=True,
    metavar="N",
    help="How many defects to simulate.",
)
@click.option(
    "--mix",
    type=click.Choice(("broad", "paper", "all")),
    default="broad",
    show_default=True,
    help="Kinds of defects: what auto and mapl are taught, the papers' two, or every kind.",
)
@click.option(
    "--textures",
    type=_ANY_PATH,
    metavar="FOLDER",
    help="Take textures from these images instead of packaged photographs.",
)
@click.option(
    "--foreground",
    default="auto",
    show_default=True,
    metavar="auto|off|GREY|below:GREY",
    help="Where the product is: found, everywhere, or above or below a grey value (0-255).",
)
@shared.size(256, "Side that images are resized to, as in training; 0 keeps their sizes.")
@shared.seed
@shared.overwrite("folder")
@plain_errors
def simulate(data: Path, folder: Path, overwrite: bool, **settings: Any) -> None:
    """Draw defects into normal images of DATA, to see what a network is taught.

    Writes a contact sheet, and images and masks in MVTec layout, which evaluate reads.
    """
    from defectory.app.bars import Bars
    from defectory.app.simulating import SimulationOptions, simulate_to_folder

    options = SimulationOptions(**settings)
    with Bars() as bars:
        summary = simulate_to_folder(data, folder, options, overwrite=overwrite, progress=bars)
    counts = ", ".join(f"{n} {kind}" for kind, n in sorted(summary.n_of_kind.items()))
    click.echo(f"Simulated {summary.n_images} defects ({counts}).")
    click.echo(f"Look at {summary.sheet}")


@main.command()
@click.argument("data", type=_ANY_PATH)
@shared.output_folder
@click.option(
    "--encoder",
    type=click.Choice(("packaged", "scratch", "scratch-small")),
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
    type=float,
    metavar="R",
    help="Share of the images to list; estimated from the scores unless given.",
)
@click.option(
    "--n-groups", type=int, metavar="N", help="Groups of alike outliers; found unless given."
)
@click.option(
    "--augmentation",
    type=click.Choice(("auto", "figure", "photo")),
    default="auto",
    show_default=True,
    help="How other views are drawn: figure neither mirrors nor crops much.",
)
@shared.time_budget("train in fewer steps where all would take longer.")
@shared.device
@shared.seed
@shared.skip_unreadable("Leave out images that cannot be read.")
@shared.no_cache("Keep neither features nor interrupted training.")
@shared.overwrite("folder")
@plain_errors
def outliers(data: Path, folder: Path, overwrite: bool, no_cache: bool, **settings: Any) -> None:
    """Find which images of DATA do not belong, without a single label.

    DATA is a folder of any depth, a manifest, or IDX files (MNIST); labels are not looked at. Writes a
    ranked list (JSONL and CSV), a summary, and a page with the oddest images beside what belongs.
    Interrupted? Run it again: it goes on where it was.
    """
    from defectory.app.bars import Bars
    from defectory.app.exports import check_output
    from defectory.app.outliers import OutlierOptions, outliers_to_folder

    check_output(folder, overwrite=overwrite)
    options = OutlierOptions(use_cache=not no_cache, **settings)
    with Bars() as bars:
        summary = outliers_to_folder(data, folder, options, overwrite=overwrite, progress=bars)
    click.echo(
        f"{summary['n_outliers']} of {summary['n_images']} images do not seem to belong "
        f"({summary['outlier_ratio']:.1%}; {summary['ratio_from']})."
    )
    for note in summary["notes"]:
        click.echo(f"Note: {note}")
    click.echo(f"Wrote {folder / 'outliers.jsonl'}. Look at {folder / 'outliers.html'}")


@main.command()
@click.option(
    "-o",
    "--output",
    "folder",
    type=_ANY_PATH,
    default=Path("demo"),
    show_default=True,
    help="Folder to write.",
)
@shared.detector
@plain_errors
def demo(folder: Path, detector: str) -> None:
    """Fit and judge a detector on 2,223 real solar-cell pictures (ELPV), and write a report."""
    from defectory.app.bars import Bars
    from defectory.app.fitting import FitOptions
    from defectory.app.workflows import run_demo

    with Bars() as bars:
        result, evaluation = run_demo(folder, FitOptions(detector=detector), progress=bars)
    print_fit(result, folder / "solar-cells.defectory", None)
    print_evaluation(evaluation, folder / "figures.json", None)
    click.echo(f"\nOpen the report in a browser: {os.path.abspath(folder / 'report.html')}")  # noqa: PTH100


if __name__ == "__main__":
    main()
