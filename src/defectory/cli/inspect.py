"""The command `inspect`."""

import json
import sys
from pathlib import Path

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.remote import brings
from defectory.cli.values import ANY_PLACE


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("data", type=ANY_PLACE)
@shared.label_words
@shared.group_by
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@shared.quiet
@plain_errors
@brings("data")
def inspect(
    data: Path,
    as_json: bool,
    good_words: tuple[str, ...],
    bad_words: tuple[str, ...],
    group_by: str | None,
) -> None:
    """Examine DATA before training: what was understood, and what is wrong with it.

    Exit status 1 exactly where fit would refuse it; warnings where what it learns would be weak.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.inspection import inspect_data, inspection_text

    with Bars() as bars:
        inspection = inspect_data(
            data, good_words=good_words, bad_words=bad_words, group_by=group_by, progress=bars
        )
    if as_json:
        click.echo(json.dumps(inspection.to_dict(), indent=1, default=str, allow_nan=False))
    else:
        click.echo(inspection_text(inspection), nl=False)
    if inspection.has_errors:
        sys.exit(1)
