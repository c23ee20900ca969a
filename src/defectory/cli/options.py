"""Options that several commands share, so that they are named and explained alike."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click

from defectory.cli.values import (
    ANY_PATH,
    ANY_PLACE,
    BYTES,
    FILE_TO_WRITE,
    MAX_SHARDS,
    RAY_ADDRESS,
    SECONDS,
    SHARE,
)

Option = Callable[[Callable[..., Any]], Callable[..., Any]]

HELP_NAMES = {"help_option_names": ["-h", "--help"]}
"""Context settings of every command: click keeps its help option from the first context that asks for it."""

DEVICES = ("auto", "cpu", "cuda", "cuda-bf16")
"""As in `domain.settings`."""

PROVIDERS = ("cpu", "openvino", "cuda", "auto")
"""As in `backbones.providers`."""

SPEEDS = ("fast", "balanced", "thorough")
"""As in `detectors.evidence.speeds`, which is not imported before work starts."""

other_promise: Option = click.option(
    "--false-reject-rate",
    type=SHARE,
    metavar="R",
    help="Decide by this false-reject rate instead of the bundle's; nothing is fitted again.",
)
miss_rate: Option = click.option(
    "--miss-rate",
    type=SHARE,
    metavar="R",
    help="Accept at most this share of defects like the labeled ones; a person looks at what is neither "
    "accepted nor rejected.",
)
output_folder, output_place = (
    click.option("-o", "--output", "folder", type=kind, required=True, help="Folder to write.")
    for kind in (ANY_PATH, ANY_PLACE)
)
device: Option = click.option(
    "--device",
    type=click.Choice(DEVICES, case_sensitive=False),
    default="auto",
    show_default=True,
    help="To train networks on: auto takes a GPU where there is one, cuda-bf16 computes in bfloat16.",
)
seed: Option = click.option(
    "--seed", type=int, default=0, show_default=True, help="Of every random draw."
)
excel: Option = click.option(
    "--excel",
    "for_excel",
    is_flag=True,
    help="Write CSV for Excel where decimals have commas (Germany, France, ...).",
)


new_bundle: Option = click.option(
    "-o",
    "--output",
    "new_bundle",
    type=FILE_TO_WRITE,
    required=True,
    help="Bundle to write; BUNDLE stays.",
)
speed: Option = click.option(
    "--speed",
    type=click.Choice(SPEEDS, case_sensitive=False),
    default="balanced",
    show_default=True,
    help="Of the detector auto: fast reads large images in less detail, thorough in more.",
)
as_json: Option = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
group_by: Option = click.option(
    "--group-by",
    metavar="RULE",
    help="Which images belong together (one part, one hour): parent, those of a folder; a regular "
    "expression, those in whose names it finds the same; none, each is by itself.",
)


def label_words(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--good` and `--bad` to a command that reads labels."""
    for name, parts in (("bad", "defective"), ("good", "good")):
        command = click.option(
            f"--{name}",
            f"{name}_words",
            multiple=True,
            metavar="WORD",
            help=f"Folders or labels of this name are {parts} parts, too. Can be repeated.",
        )(command)
    return command


QUIET = "defectory.quiet"
"""What a command's context knows of `--quiet`."""


def _be_quiet(context: click.Context, _: click.Parameter, is_quiet: bool) -> None:
    context.meta[QUIET] = is_quiet


quiet: Option = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    expose_value=False,
    callback=_be_quiet,
    help="Show no progress.",
)


THREADS = "defectory.threads"
"""What a command's context knows of `--threads`, if it was given."""


def _use_threads(context: click.Context, _: click.Parameter, n_threads: int | None) -> None:
    if n_threads is not None:
        from defectory.machine import at_most_cores

        context.meta[THREADS] = n_threads
        context.with_resource(at_most_cores(n_threads))


threads: Option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    expose_value=False,
    callback=_use_threads,
    help="Images in work at once; the cores there are, as a container's quota gives them.",
)
max_memory: Option = click.option(
    "--max-memory",
    "max_memory_bytes",
    type=BYTES,
    metavar="SIZE",
    help="Such as 800MB, 2GB: read fewer images at once, and refuse work that would need more.",
)


def ray(words: str) -> Option:
    """Return `--ray` and `--shards`, and what the workers do."""

    def with_ray(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--shards",
                "n_shards",
                type=click.IntRange(min=1, max=MAX_SHARDS),
                metavar="N",
                help="Parts that the workers of --ray take one after the other; a few for each unless given.",
            ),
            click.option(
                "--ray", "ray_address", type=RAY_ADDRESS, metavar="ADDRESS|local", help=words
            ),
        ):
            command = option(command)
        return command

    return with_ray


def is_default(name: str) -> bool:
    """Return whether the command line does not give a parameter."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not click.core.ParameterSource.COMMANDLINE


def refuse_beside(option: str, others: Mapping[str, str]) -> None:
    """Raise UsageError where the command line gives a parameter that does not go with an option.

    Parameters
    ----------
    option : which was given
    others : parameter -> its option, and what to do instead
    """
    for name, said in others.items():
        if not is_default(name):
            raise click.UsageError(f"{option} does not go with {said}")


def check_ray(address: str | None, n_shards: int | None, others: Mapping[str, str]) -> None:
    """Raise UsageError where `--shards` is given without `--ray`, or others that do not go with it."""
    if address is not None:
        refuse_beside("--ray", others)
    elif n_shards is not None:
        raise click.UsageError("--shards goes with --ray")


def no_cache(words: str) -> Option:
    """Return `--no-cache`."""
    return click.option("--no-cache", is_flag=True, help=words)


def overwrite(what: str) -> Option:
    """Return `--overwrite`, for a bundle, a folder or other files of ours."""
    return click.option(
        "--overwrite", is_flag=True, help=f"Replace {what} of an earlier run, and nothing else."
    )


def size(default: int, words: str) -> Option:
    """Return `--size`, in pixels."""
    return click.option(
        "--size",
        "size_px",
        type=int,
        default=default,
        show_default=True,
        metavar="PX",
        help=words,
    )


def skip_unreadable(words: str) -> Option:
    """Return `--skip-unreadable`."""
    return click.option("--skip-unreadable", is_flag=True, help=words)


def time_budget(words: str) -> Option:
    """Return `--time-budget`, and what is done to keep it."""
    return click.option(
        "--time-budget",
        "time_budget_s",
        type=SECONDS,
        metavar="TIME",
        help=f"Such as 90s, 10m, 1h: {words}",
    )


def provider(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--provider`, which is in force while the command lasts; under `plain_errors`."""

    @click.option(
        "--provider",
        type=click.Choice(PROVIDERS, case_sensitive=False),
        default="cpu",
        show_default=True,
        help="What runs the backbone: cpu and cuda are ONNX Runtime's, auto takes a GPU where there is one.",
    )
    @wraps(command)
    def on_provider(*args: Any, provider: str, **kwargs: Any) -> Any:
        if provider == "cpu":
            return command(*args, **kwargs)
        from defectory.workflows.providers import running_on

        with running_on(provider):
            return command(*args, **kwargs)

    return on_provider


def allow_plugins(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--allow-plugins`, which imports the packages that a bundle may use; under `plain_errors`."""

    @click.option(
        "--allow-plugins",
        "packages",
        multiple=True,
        metavar="PACKAGE",
        help="Let BUNDLE use the detectors of this installed package; may be given several times.",
    )
    @wraps(command)
    def with_plugins(*args: Any, packages: tuple[str, ...], **kwargs: Any) -> Any:
        if packages:
            from defectory.plugins import import_plugins

            import_plugins(packages)
        return command(*args, **kwargs)

    return with_plugins
