"""The commands `p3` and `p3-figures`; what they need is imported only when they run."""

import argparse
import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

DATA = ("fashion-mnist", "solar-cells", "magnetic-tile")

_RATIOS = {"fashion-mnist": (0.1,)}
_DEFECT_RATIOS = (0.05, 0.1, 0.2)

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_p3(
    commands: Commands,
    measuring: argparse.ArgumentParser,
    target: Callable[[argparse.Namespace], Path],
) -> None:
    """Add `p3`. Rows of other p3*.jsonl beside the file that rows are added to are not repeated."""
    words = "outliers in an unlabeled collection; rows are added"
    p3 = commands.add_parser("p3", parents=[measuring], help=words)
    p3.set_defaults(run=_run_p3, file_name=_file_name, target=target)
    p3.add_argument("--data", choices=DATA, default=DATA[0])
    p3.add_argument("--encoder", default="packaged")
    p3.add_argument("--classes", type=counts, default=tuple(range(10)), help="such as 0,6")
    p3.add_argument(
        "--ratios", type=shares, help="such as 0.05,0.1; default: .1, of defects .05,.1,.2"
    )
    p3.add_argument("--seeds", type=int, default=1)
    p3.add_argument(
        "--rivals",
        action="store_true",
        help="also those of PyOD, the obvious ones, and for defects `gaussian` and `auto`",
    )
    p3.add_argument("--one-kind", action="store_true", help="outliers of the next class only")
    p3.add_argument("--ablation", action="store_true", help="leave out one part at a time")
    p3.add_argument("--again", action="store_true", help="repeat rows that are there, too")
    p3.add_argument(
        "--beside-others", action="store_true", help="others run on this machine, too: no timings"
    )
    p3.add_argument("--time-budget-s", type=float)
    p3.add_argument("--device", choices=("cpu", "cuda", "auto"), default="cpu", help="of MCOD")
    p3.add_argument("--n-threads", type=int, default=1, help="of MCOD's training on the CPU")
    p3.add_argument("--settings", type=json.loads, default={}, help="of Mcod, as JSON")


def add_p3_figures(commands: Commands, docs: Path, work: Path) -> None:
    """Add `p3-figures`."""
    command = commands.add_parser("p3-figures", help="pictures of one collection, for the docs")
    command.set_defaults(run=_run_figures)
    command.add_argument("--class", dest="normal", type=int, default=0)
    command.add_argument("--ratio", type=float, default=0.1)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--n-images", type=int, help="smoke run: so many images of a kind")
    command.add_argument("--cache", type=Path, default=work / "features")
    command.add_argument("--out", type=Path, default=docs / "figures", help="folder")


def shares(text: str) -> tuple[float, ...]:
    """Return the numbers of a comma-separated list."""
    return tuple(float(part) for part in text.split(",") if part)


def counts(text: str) -> tuple[int, ...]:
    """Return the whole numbers of a comma-separated list."""
    return tuple(int(part) for part in text.split(",") if part)


def _run_p3(options: argparse.Namespace) -> int:
    from benchmarks import p3

    ratios = options.ratios or _RATIOS.get(options.data, _DEFECT_RATIOS)
    told = p3.Told(
        data=options.data, encoder=options.encoder, classes=options.classes, ratios=ratios,
        n_seeds=options.seeds, cache=options.cache, command=_command(options, ratios),
        out=options.target(options),
        with_rivals=options.rivals, one_kind=options.one_kind, ablates=options.ablation,
        again=options.again, is_alone=not options.beside_others, n_images=options.n_images,
        device=options.device,
        n_threads=options.n_threads, time_budget_s=options.time_budget_s,
        settings=options.settings,
    )  # fmt: skip
    p3.run(told)
    return 0


def _run_figures(options: argparse.Namespace) -> int:
    from benchmarks import p3_figures

    paths = p3_figures.draw(
        options.normal, options.ratio, options.seed, cache=options.cache,
        n_images=options.n_images, folder=options.out,
    )  # fmt: skip
    print(*(path.name for path in paths), sep="\n")
    return 0


def _command(options: argparse.Namespace, ratios: Sequence[float]) -> str:
    """Return the command that makes the rows, without what belongs to the machine."""
    parts = ["python", "-m", "benchmarks", "p3", "--data", options.data]
    parts += ["--encoder", options.encoder]
    if options.data == DATA[0]:
        parts += ["--classes", ",".join(map(str, options.classes))]
    parts += ["--ratios", ",".join(map(str, ratios)), "--seeds", str(options.seeds)]
    flags = ("rivals", "one_kind", "ablation")
    parts += [f"--{name.replace('_', '-')}" for name in flags if getattr(options, name)]
    parts += ["--time-budget-s", f"{options.time_budget_s:g}"] if options.time_budget_s else []
    parts += ["--device", options.device] if options.device != "cpu" else []
    parts += ["--n-threads", str(options.n_threads)] if options.n_threads != 1 else []
    parts += ["--settings", json.dumps(options.settings)] if options.settings else []
    return shlex.join(parts)


def _file_name(options: argparse.Namespace) -> str:
    parts = ["p3", *([options.data] if options.data != DATA[0] else []), options.encoder]
    parts += ["one-kind"] if options.one_kind else []
    parts += ["ablation"] if options.ablation else []
    return "-".join(parts) + ".jsonl"
