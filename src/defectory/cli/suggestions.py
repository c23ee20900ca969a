"""Commands and options that people try because other programs call them so, and what they are called here."""

import os
from typing import Any

import click

COMMANDS = {
    "train": "fit",
    "learn": "fit",
    "predict": "score",
    "infer": "score",
    "inference": "score",
    "detect": "score",
    "run": "score",
    "test": "evaluate",
    "eval": "evaluate",
    "validate": "evaluate",
    "report": "evaluate",
    "check": "inspect",
    "doctor": "inspect",
    "info": "inspect",
    "retrain": "update",
    "label": "update",
    "help": "--help",
    "version": "--version",
}

OPTIONS = {
    "--threshold": ("--false-reject-rate",),
    "--fpr": ("--false-reject-rate",),
    "--far": ("--false-reject-rate",),
    "--model": ("--detector",),
    "--method": ("--detector",),
    "--gpu": ("--device",),
    "--cuda": ("--device",),
    "--epochs": ("--time-budget",),
    "--timeout": ("--time-budget",),
    "--resize": ("--size",),
    "--resolution": ("--size",),
    "--image-size": ("--size",),
    "--force": ("--overwrite",),
    "-f": ("--overwrite",),
    "-y": ("--overwrite",),
    "--ok": ("--good",),
    "--nok": ("--bad",),
    "--ng": ("--bad",),
    "--csv": ("--format",),
    "--html": ("--report",),
    "-o": ("--report", "--json"),
    "--output": ("--report", "--json"),
    "-v": ("--version",),
    "-V": ("--version",),
}
"""As typed -> options of which a command may have some."""


class SuggestingGroup(click.Group):
    """Says what a command or an option that does not exist was meant to be."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command and its arguments; UsageError where there is none of that name."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(f"No such command {name!r}{self._meant(ctx, name)}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an option that it does not have is explained."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            raise _explained(error) from error

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read options of the group itself."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise _explained(error) from error

    def _meant(self, ctx: click.Context, name: str) -> str:
        from defectory.domain.nearest import did_you_mean

        if name.lower() in COMMANDS:
            return f"; did you mean {COMMANDS[name.lower()]}?"
        if os.path.lexists(name):
            return f"; a command comes first, such as  defectory inspect {name}"
        return did_you_mean(name, self.list_commands(ctx)) or "; --help lists them."


def _explained(error: click.NoSuchOption) -> click.UsageError:
    """Return the error with the options that were meant; those of other programs count more than spelling."""
    context = error.ctx
    known = context.command.get_params(context) if context else ()
    names = {name for parameter in known for name in parameter.opts}
    meant = [name for name in OPTIONS.get(error.option_name, ()) if name in names]
    no_such = f"No such option {error.option_name!r}"
    if meant:
        return click.UsageError(f"{no_such}; did you mean {' or '.join(meant)}?", context)
    if len(error.option_name) == 2:
        return click.UsageError(
            f"{no_such}; names of several letters begin with two dashes.", context
        )
    return error
