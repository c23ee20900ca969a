"""The command `simulate`."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.remote import brings
from defectory.cli.text import print_notes
from defectory.cli.values import ANY_PATH, ANY_PLACE


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("data", type=ANY_PLACE)
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
    type=click.Choice(("broad", "paper", "all"), case_sensitive=False),
    default="broad",
    show_default=True,
    help="Kinds of defects: what auto and mapl are taught, the papers' two, or every kind.",
)
@click.option(
    "--textures",
    type=ANY_PATH,
    metavar="FOLDER",
    help="Take textures from these images instead of packaged photographs.",
)
@click.option(
    "--foreground",
    default="auto",
    show_default=True,
    metavar="auto|off|GRAY|below:GRAY",
    help="Where the product is: found, everywhere, or above or below a gray value (0-255).",
)
@shared.size(256, "Side that images are resized to, as in training; 0 keeps their sizes.")
@shared.label_words
@shared.seed
@shared.overwrite("the folder")
@shared.quiet
@plain_errors
@brings("data")
def simulate(data: Path, folder: Path, overwrite: bool, **settings: Any) -> None:
    """Draw defects into normal images of DATA, to see what a network is taught.

    Writes a contact sheet, and images and masks in MVTec layout, which evaluate reads.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.simulating.simulate import SimulationOptions, simulate_to_folder

    options = SimulationOptions(**settings)
    with Bars() as bars:
        summary = simulate_to_folder(data, folder, options, overwrite=overwrite, progress=bars)
    counts = ", ".join(f"{n} {kind}" for kind, n in sorted(summary.n_of_kind.items()))
    click.echo(f"Simulated {summary.n_images} defects ({counts}).")
    print_notes(summary.notes)
    click.echo(f"Look at {summary.sheet}")
