"""The command `cache`, and what it prints."""

from typing import Any

import click

from defectory.cli.errors import plain_errors
from defectory.cli.values import AGE

CACHE_KINDS = ("features", "backbones", "training", "remote")
"""As in `workflows.cache_folder`, which is not imported before work starts."""

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


@click.group(invoke_without_command=True)
@click.pass_context
@plain_errors
def cache(context: click.Context) -> None:
    """Show where features, converted backbones, interrupted training and copies of
    remote data are kept, and how large that is.

    Everything there can be made again. DEFECTORY_CACHE names another folder.
    """
    if context.invoked_subcommand is not None:
        return
    from defectory.workflows.cache_folder import describe_cache

    usage = describe_cache()
    click.echo(f"{click.format_filename(usage.folder)}: {_size(usage.n_bytes)}")
    for kind in usage.kinds:
        click.echo(f"  {kind.kind:10} {_kind(kind)}")


@cache.command()
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(CACHE_KINDS),
    multiple=True,
    help="Remove only these; may be given more than once.",
)
@click.option(
    "--older-than",
    "older_than_s",
    type=AGE,
    metavar="AGE",
    help="Such as 12h, 30d: remove only what was not used for so long.",
)
@plain_errors
def clear(kinds: tuple[str, ...], older_than_s: float | None) -> None:
    """Remove what is kept there, without asking; the next fit makes it again."""
    from defectory.workflows.cache_folder import clear_cache

    cleared = clear_cache(kinds or CACHE_KINDS, older_than_s=older_than_s)
    click.echo(f"Removed {_files(cleared.n_files)} ({_size(cleared.n_bytes)}).")
    if cleared.n_kept:
        click.echo(f"Could not remove {_files(cleared.n_kept)}.")


def _kind(kind: Any) -> str:
    if not kind.n_files:
        return "nothing"
    bound = f" of at most {_size(kind.max_bytes)}" if kind.max_bytes is not None else ""
    ages = f"last used {_age(kind.newest_s)} to {_age(kind.oldest_s)} ago"
    return f"{_files(kind.n_files)}, {_size(kind.n_bytes)}{bound}, {ages}"


def _files(n: int) -> str:
    return f"{n:,} file" + ("" if n == 1 else "s")


def _size(n_bytes: int) -> str:
    if n_bytes >= 10**9:
        return f"{n_bytes / 1e9:.1f} GB"
    return f"{n_bytes / 1e6:.1f} MB"


def _age(seconds: float) -> str:
    unit, name = next(((u, n) for u, n in _UNITS if seconds >= u), _UNITS[-1])
    return f"{seconds / unit:.0f} {name}"
