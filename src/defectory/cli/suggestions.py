"""Commands and options that people try because other programs call them so, and what they are called here."""

import os
from collections.abc import Sequence

import click

from defectory.cli.text import as_command
from defectory.domain.nearest import did_you_mean

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


def no_such_command(name: str, commands: Sequence[str], ctx: click.Context) -> click.UsageError:
    """Return the error on a command that does not exist, with what was meant.

    Parameters
    ----------
    commands : names of those that there are
    """
    return click.UsageError(f"No such command {name!r}{_meant(name, commands)}", ctx)


def _meant(name: str, commands: Sequence[str]) -> str:
    if name.lower() in COMMANDS:
        return f"; did you mean {COMMANDS[name.lower()]}?"
    if os.path.lexists(name):
        return f"; a command comes first, such as  {as_command('defectory', 'inspect', name)}"
    return did_you_mean(name, commands) or "; --help lists them."


def no_such_option(error: click.NoSuchOption) -> click.UsageError:
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
