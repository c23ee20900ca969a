"""The command `merge`, and what it prints."""

from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.score import TableFormat
from defectory.cli.text import print_merged
from defectory.cli.values import ANY_PLACE


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("folder", metavar="OUT", type=ANY_PLACE)
@click.option(
    "--format",
    "file_format",
    type=TableFormat(),
    help="Write all rows as one table, too, the highest score first.",
)
@shared.excel
@shared.quiet
@plain_errors
def merge(folder: Any, file_format: str | None, for_excel: bool) -> None:
    """Make one result of what score --shard wrote into OUT.

    Shards that are missing, damaged or of another bundle, promise or list of images are named, with the
    commands that make them. The rows stay where they are; dataset.json lists their files, and summary.json
    says what they come to.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.shards.merge import merge_shards

    with Bars() as bars:
        merged = merge_shards(
            folder, file_format="excel" if for_excel else file_format, progress=bars
        )
    print_merged(merged)
