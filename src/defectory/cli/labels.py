"""The command `labels`: import and export."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.text import counted, one_line, print_notes
from defectory.cli.values import ANY_PATH

FORMATS = ("coco", "labelme", "cvat", "label-studio")
"""As in `sources.label_formats`, which is not imported before work starts."""

TARGETS = (*FORMATS, "manifest")
"""As in `workflows.labels.export_labels`."""


@click.group(context_settings=shared.HELP_NAMES)
def labels() -> None:
    """Take labels and masks from other tools, and give them back: COCO, LabelMe, CVAT, Label Studio."""


@labels.command("import", context_settings=shared.HELP_NAMES)
@click.argument("labels", type=ANY_PATH)
@click.argument("images", type=ANY_PATH)
@shared.output_folder
@click.option(
    "--format",
    "format",
    type=click.Choice(FORMATS, case_sensitive=False),
    help="Format of LABELS; found by content unless given.",
)
@click.option(
    "--unmarked",
    type=click.Choice(("good", "unlabeled"), case_sensitive=False),
    default="unlabeled",
    show_default=True,
    help="What images count as that LABELS list without a word.",
)
@shared.label_words
@shared.overwrite("the folder")
@shared.quiet
@plain_errors
def import_labels(
    labels: Path, images: Path, folder: Path, overwrite: bool, **settings: Any
) -> None:
    """Read LABELS that a tool exported for IMAGES (a folder or list); write manifest.csv and masks.

    LABELS is a file, or a folder of LabelMe files. fit, update and evaluate take the manifest. A category
    is a type of defect unless its name says good (--good WORD for others).
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.labels.import_labels import ImportOptions
    from defectory.workflows.labels.import_labels import import_labels as import_to_folder

    options = ImportOptions(**settings)
    with Bars() as bars:
        summary = import_to_folder(
            labels, images, folder, options, overwrite=overwrite, progress=bars
        )
    click.echo(
        f"Read {summary.format}: {counted(summary.n_entries, 'image')}, "
        f"{counted(summary.n_annotations, 'annotation')}."
    )
    for line in summary.explain_words():
        click.echo(f"  {one_line(line)}")
    _print_counts(summary)
    print_notes([*summary.explain_missing(), *summary.notes])
    click.echo(f"Wrote {summary.manifest}")


@labels.command("export", context_settings=shared.HELP_NAMES)
@click.argument("data", type=ANY_PATH)
@click.option(
    "-o",
    "--output",
    "path",
    type=ANY_PATH,
    required=True,
    help="File to write; for labelme a folder, for manifest a name that ends in .csv or .jsonl.",
)
@click.option(
    "--to",
    type=click.Choice(TARGETS, case_sensitive=False),
    required=True,
    help="Format of that file.",
)
@shared.label_words
@shared.overwrite("labels")
@shared.quiet
@plain_errors
def export_labels(data: Path, path: Path, to: str, overwrite: bool, **settings: Any) -> None:
    """Write the labels and masks of DATA for another tool.

    Masks come back as they were, pixel by pixel: as run lengths, in LabelMe as polygons.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.labels.export_labels import ExportOptions
    from defectory.workflows.labels.export_labels import export_labels as export_to

    options = ExportOptions(**settings)
    with Bars() as bars:
        summary = export_to(data, path, to, options, overwrite=overwrite, progress=bars)
    _print_counts(summary)
    print_notes(summary.notes)
    click.echo(f"Wrote {click.format_filename(summary.path)}")


def _print_counts(summary: Any) -> None:
    n_images = summary.n_good + summary.n_defective + summary.n_unlabeled
    click.echo(
        f"{counted(n_images, 'image')}: {summary.n_good} good, {summary.n_defective} defective "
        f"({summary.n_masks} with a mask), {summary.n_unlabeled} unlabeled."
    )
