"""The command `demo`."""

import os
import sys
from pathlib import Path

import click

from defectory.cli import names
from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.text import as_command, print_evaluation, print_fit
from defectory.cli.values import ANY_PATH

_BUNDLE = "solar-cells.defectory"


@click.command(context_settings=shared.HELP_NAMES)
@click.option(
    "-o",
    "--output",
    "folder",
    type=ANY_PATH,
    default=Path("demo"),
    show_default=True,
    help="Folder to write.",
)
@names.detector
@shared.overwrite("the folder")
@shared.quiet
@plain_errors
def demo(folder: Path, detector: str, overwrite: bool) -> None:
    """Fit and judge a detector on 2,223 real solar-cell pictures (ELPV), and write a report."""
    from defectory.cli.bars import Bars
    from defectory.workflows.demo import DOUBTFUL, run_demo
    from defectory.workflows.fitting.options import FitOptions

    with Bars() as bars:
        result, evaluation = run_demo(
            folder, FitOptions(detector=detector), overwrite=overwrite, progress=bars
        )
    print_fit(result, folder / _BUNDLE, None)
    print_evaluation(evaluation, folder / "figures.json", None)
    click.echo(f"\nOpen the report in a browser: {os.path.abspath(folder / 'report.html')}")  # noqa: PTH100
    todo = as_command(_command(), "review", folder / _BUNDLE, folder / DOUBTFUL)
    click.echo(
        "Experts were not sure of 401 more cells. Label some yourself, and teach the bundle:\n"
        f"  {todo}"
    )


def _command() -> str:
    """Return how this command was called: a virtual environment need not be on the path."""
    return sys.argv[0] if Path(sys.argv[0]).is_file() else "defectory"
