"""The command `watch`: a hot folder, for machines that can only write files."""

from pathlib import Path
from typing import Any

import click

from defectory.cli import options as shared
from defectory.cli.errors import asked_to_end, plain_errors
from defectory.cli.text import counted, one_line
from defectory.cli.values import ANY_PATH, BYTES, FILE_TO_WRITE, SECONDS


@click.command(context_settings=shared.HELP_NAMES)
@click.argument("folder", type=ANY_PATH)
@click.argument("bundle", type=ANY_PATH)
@click.option(
    "-o",
    "--output",
    type=ANY_PATH,
    required=True,
    help="Folder of the results; not in FOLDER. Given again, it goes on.",
)
@click.option("--once", is_flag=True, help="End when everything that is there is judged.")
@click.option(
    "--poll",
    "poll_s",
    type=SECONDS,
    default="0.5s",
    show_default=True,
    metavar="TIME",
    help="Pause between two looks into FOLDER.",
)
@click.option(
    "--settle",
    "settle_s",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Read an image once it has stayed the same for so long; 0 where files are renamed into place.",
)
@click.option(
    "--answers", is_flag=True, help="Write a file an image, too: answers/IMAGE.json, for a machine."
)
@click.option(
    "--heatmaps", is_flag=True, help="Draw a heatmap over each image that is not accepted."
)
@click.option("--webhook", default="", metavar="URL", help="Send every result there, signed.")
@click.option(
    "--secret-file",
    "secret",
    type=FILE_TO_WRITE,
    metavar="FILE",
    help="Key that signs webhooks; made where it is missing. Without it, webhook.secret in the output.",
)
@click.option("--alarm", is_flag=True, help="Watch for drift, as `score --alarm` does.")
@click.option("--journal", is_flag=True, help="Keep a journal of scores, too.")
@click.option(
    "--keep",
    "keep_bytes",
    type=BYTES,
    default=0,
    metavar="SIZE",
    help="Keep copies of the images that came last, such as 2GB of them, for a review.",
)
@shared.other_promise
@shared.miss_rate
@shared.threads
@shared.quiet
@plain_errors
@shared.allow_plugins
def watch(folder: Path, bundle: Path, output: Path, webhook: str, **asked: Any) -> None:
    """Judge every image that comes into FOLDER with BUNDLE, each once, whatever happens in between.

    Results are lines in OUTPUT/results. Images are never moved, changed or removed. BUNDLE may be replaced
    meanwhile. Ctrl-C ends it after the images in hand; started again, it goes on.
    """
    from defectory.workflows.watching.options import WatchOptions
    from defectory.workflows.watching.watch import watch as watch_folder

    if asked["secret"] is not None and not webhook:
        raise click.UsageError("--secret-file goes with --webhook URL")
    is_quiet = bool(click.get_current_context().meta.get(shared.QUIET))
    options = WatchOptions(folder, bundle, output, webhook=webhook, **asked)
    with asked_to_end() as is_ending:
        summary = watch_folder(
            options, say=_say, told=_ignore if is_quiet else _print_row, is_ending=is_ending
        )
    _print_summary(summary)


def _say(text: str) -> None:
    click.echo(f"defectory: {one_line(text)}", err=True)


def _ignore(row: Any) -> None:
    """Print nothing of an image."""


def _print_row(row: Any) -> None:
    name = one_line(row["image"])
    if row["score"] is None:
        click.echo(f"{row['time']} unreadable: {name}: {one_line(row['error'])}")
        return
    outcome = row.get("outcome") or ("rejected" if row["is_anomalous"] else "accepted")
    told = "to look at" if outcome == "review" else outcome
    click.echo(f"{row['time']} {told}: {name}, score {row['score']:.4g}")


def _print_summary(summary: Any) -> None:
    n_accepted = summary.n_judged - summary.n_rejected - summary.n_review - summary.n_unreadable
    review = f", {summary.n_review} to look at" if summary.n_review else ""
    unreadable = f", {summary.n_unreadable} unreadable" if summary.n_unreadable else ""
    click.echo(
        f"Judged {counted(summary.n_judged, 'image')}: {summary.n_rejected} rejected{review}, "
        f"{n_accepted} accepted{unreadable}."
    )
    if summary.alarm is not None:
        click.echo(summary.alarm.alarm.explain())
    if summary.n_unsent:
        click.echo(
            f"{counted(summary.n_unsent, 'webhook')} not delivered: the next run sends them."
        )
