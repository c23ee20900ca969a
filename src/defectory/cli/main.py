"""`defectory`: the group of all commands, each in a file of its own that is imported when it is asked for."""

import importlib

import click

from defectory import __version__
from defectory.cli.suggestions import SuggestingGroup

COMMANDS = (
    "start",
    "fit",
    "update",
    "queue",
    "review",
    "serve",
    "score",
    "merge",
    "watch",
    "recalibrate",
    "evaluate",
    "inspect",
    "export",
    "verify",
    "labels",
    "simulate",
    "outliers",
    "demo",
    "cache",
)
"""Each is a module of this room, and the function of that name in it."""


class _Commands(SuggestingGroup):
    """Imports the commands that it is asked for: `score` waits for nothing that `fit` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which one comes to need them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, importing its module and no other's; None where there is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"defectory.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="defectory")
def main() -> None:
    """Find defects in product images: fit on what you have, score, evaluate, report.

    DATA is a folder (MVTec layout; good/, defect.../, unlabeled/; or just images) or a CSV or JSONL
    manifest. BUNDLE is the one file that fit writes and that scores the same wherever it is shipped.
    """
