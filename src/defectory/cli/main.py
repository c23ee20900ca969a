"""`defectory`: the group of all commands, each in a file of its own that is imported when it is asked for."""

import importlib
from typing import Any

import click

from defectory import __version__

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


class _Commands(click.Group):
    """Imports the commands that it is asked for: `score` waits for nothing that `fit` needs.

    It says what a command or an option that does not exist was meant to be; who types no such thing waits for
    none of that.
    """

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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command and its arguments; UsageError where there is none of that name."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            from defectory.cli.suggestions import no_such_command

            raise no_such_command(name, COMMANDS, ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an option that it does not have is explained."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            from defectory.cli.suggestions import no_such_option

            raise no_such_option(error) from error

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read options of the group itself."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from defectory.cli.suggestions import no_such_option

            raise no_such_option(error) from error


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
