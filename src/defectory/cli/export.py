"""The command `export`, and what it prints."""

import json
from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.text import print_notes
from defectory.cli.values import ANY_PATH

RUNTIMES = ("onnx", "openvino")
PRECISIONS = ("fp32", "fp16", "int8")
"""As in `artifacts.exported`, which is not imported before work starts."""


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("bundle", type=ANY_PATH)
@shared.output_folder
@click.option(
    "--to",
    type=click.Choice(RUNTIMES, case_sensitive=False),
    default="onnx",
    show_default=True,
    help="Runtime that is to run it: ONNX Runtime or OpenVINO.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS, case_sensitive=False),
    default="fp32",
    show_default=True,
    help="fp16: weights in half the bytes. int8: a backbone that computes in 8 bits; needs --images.",
)
@click.option(
    "--images",
    type=ANY_PATH,
    multiple=True,
    metavar="GOOD",
    help="Good images, such as those of the fit: for int8, or where BUNDLE keeps no probes. Can be repeated.",
)
@click.option(
    "--accept-flips",
    is_flag=True,
    help="Write the folder even where it decides some probes otherwise than BUNDLE.",
)
@shared.as_json
@shared.threads
@shared.overwrite("an export")
@shared.quiet
@plain_errors
@shared.allow_plugins
def export(
    bundle: Path,
    folder: Path,
    to: str,
    precision: str,
    images: tuple[Path, ...],
    accept_flips: bool,
    as_json: bool,
    overwrite: bool,
) -> None:
    """Write BUNDLE as a folder that ONNX Runtime or OpenVINO runs without Python.

    The whole decision is one graph: a decoded image in, score and anomaly map out. Before it is there, it
    scores the probes that BUNDLE keeps, in a process of its own: one that decides otherwise is refused.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.exporting.export import export_bundle
    from defectory.workflows.exporting.options import ExportOptions

    options = ExportOptions(to, precision, accept_flips)  # type: ignore[arg-type]
    with Bars() as bars:
        result = export_bundle(
            bundle, folder, options, images=images, overwrite=overwrite, progress=bars
        )
    if as_json:
        click.echo(json.dumps(_to_dict(result), indent=1))
    else:
        _print_export(result)


def _print_export(result: Any) -> None:
    print_notes(result.notes)
    click.echo(f"Certified: {result.certificate.explain()}")
    click.echo(f"Threshold: {result.promised}")
    click.echo(f"Wrote {result.folder} (a graph of {result.n_bytes / 1e6:.1f} MB).")


def _to_dict(result: Any) -> dict[str, Any]:
    return {
        "folder": str(result.folder),
        "n_bytes": result.n_bytes,
        "promise": result.promised,
        "certificate": result.certificate.to_dict(),
        "notes": list(result.notes),
    }
