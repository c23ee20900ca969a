"""The command `queue`, and what it prints."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.names import STRATEGIES
from defectory.cli.text import as_command, counted, one_line, print_notes
from defectory.cli.values import ANY_PATH, FILE_TO_WRITE

_N_SHOWN = 5
_ANSWERED = "have their labels already, and make the random sample whole: leave them as they are"
_ANSWERED_ONE = "has its label already, and makes the random sample whole: leave it as it is"


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("bundle", type=ANY_PATH)
@click.argument("data", type=ANY_PATH)
@click.option(
    "-n",
    "n",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Images to ask about.",
)
@click.option(
    "-o",
    "--output",
    type=FILE_TO_WRITE,
    default=Path("queue.csv"),
    show_default=True,
    help="CSV to write.",
)
@click.option(
    "--strategy",
    type=click.Choice(("mix", *STRATEGIES), case_sensitive=False),
    default="mix",
    show_default=True,
    help="How images are chosen.",
)
@shared.excel
@shared.label_words
@shared.seed
@shared.skip_unreadable("Leave out images that cannot be read.")
@shared.max_memory
@shared.threads
@shared.overwrite("a queue without answers")
@shared.quiet
@plain_errors
@shared.provider
@shared.allow_plugins
def queue(
    bundle: Path,
    data: Path,
    n: int,
    output: Path,
    strategy: str,
    for_excel: bool,
    good_words: tuple[str, ...],
    bad_words: tuple[str, ...],
    seed: int,
    skip_unreadable: bool,
    overwrite: bool,
    max_memory_bytes: int | None,
) -> None:
    """Choose the images of DATA that are worth a person's label, and say why.

    Write into the column label what each image shows (OK, NOK, good, defective, ...), into mask the file of
    a mask if there is one, then give the table to update. Images that DATA or BUNDLE know a label of are not
    asked about, and copies once.
    """
    from defectory.cli.bars import Bars
    from defectory.workflows.reviewing.queue import queue_to_file

    with Bars() as bars:
        found = queue_to_file(
            bundle,
            data,
            output,
            n,
            strategy=strategy,
            seed=seed,
            for_excel=for_excel,
            skip_unreadable=skip_unreadable,
            overwrite=overwrite,
            good_words=good_words,
            bad_words=bad_words,
            max_memory_bytes=max_memory_bytes,
            progress=bars,
        )
    _print_queue(found, bundle, output)


def _print_queue(found: Any, bundle: Path, output: Path) -> None:
    for row in found.rows[:_N_SHOWN]:
        click.echo(f"  {one_line(row.name)}: {row.reason}")
    n_more = len(found.rows) - _N_SHOWN
    if n_more > 0:
        click.echo(f"  and {n_more} more")
    listed = ", ".join(f"{n} {name}" for name, n in found.n_by_strategy.items())
    click.echo(
        f"Asks about {len(found.rows)} of {counted(found.n_open, 'image')} without a label: {listed}."
    )
    if found.n_copies:
        click.echo(
            f"Near-copies of others are not asked about ({counted(found.n_copies, 'image')})."
        )
    if found.answered:
        n = len(found.answered)
        click.echo(
            f"{counted(n, 'row')} at the end of the table {_ANSWERED_ONE if n == 1 else _ANSWERED}."
        )
    if found.gain is not None:
        click.echo(f"Judging by scores near the threshold, {found.gain.said}.")
    print_notes(found.notes)
    click.echo(one_line(f"Wrote {output}. Fill in its column label, then run"))
    click.echo(f"  {as_command('defectory', 'update', bundle, output, '-o', 'NEW')}")
