"""The command `evaluate`."""

from pathlib import Path

import click

from defectory.cli import options as shared
from defectory.cli.errors import plain_errors
from defectory.cli.remote import brings
from defectory.cli.text import as_command, print_evaluation
from defectory.cli.values import ANY_PLACE, FILE_TO_WRITE


def _check_html(_ctx: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise click.BadParameter(f"{str(path)!r}: the report is HTML; end its name in .html")
    return path


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("bundle", type=ANY_PLACE)
@click.argument("data", type=ANY_PLACE)
@click.option("--json", "json_path", type=FILE_TO_WRITE, help="Write the figures as JSON.")
@click.option(
    "--report",
    "report_path",
    type=FILE_TO_WRITE,
    callback=_check_html,
    help="Write a standalone HTML report.",
)
@shared.other_promise
@shared.miss_rate
@shared.label_words
@shared.group_by
@shared.skip_unreadable("Leave out images that cannot be read.")
@shared.max_memory
@shared.threads
@shared.overwrite("figures and report")
@shared.quiet
@plain_errors
@shared.provider
@shared.allow_plugins
@brings("bundle", "data")
def evaluate(
    bundle: Path,
    data: Path,
    json_path: Path | None,
    report_path: Path | None,
    false_reject_rate: float | None,
    miss_rate: float | None,
    skip_unreadable: bool,
    overwrite: bool,
    max_memory_bytes: int | None,
    good_words: tuple[str, ...],
    bad_words: tuple[str, ...],
    group_by: str | None,
) -> None:
    """Judge BUNDLE on the labeled images of DATA (its test split, if it has one)."""
    from defectory.cli.bars import Bars
    from defectory.workflows.evaluation.bundles import evaluate_bundle

    groups = () if group_by is None else ("--group-by", group_by)
    command = as_command("defectory", "evaluate", bundle, data, *groups)
    with Bars() as bars:
        evaluation = evaluate_bundle(
            bundle,
            data,
            json_path=json_path,
            report_path=report_path,
            command=command,
            false_reject_rate=false_reject_rate,
            miss_rate=miss_rate,
            skip_unreadable=skip_unreadable,
            good_words=good_words,
            bad_words=bad_words,
            group_by=group_by,
            overwrite=overwrite,
            max_memory_bytes=max_memory_bytes,
            progress=bars,
        )
    print_evaluation(evaluation, json_path, report_path)
