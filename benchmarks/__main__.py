"""`python -m benchmarks PROTOCOL`: run a protocol, write JSON lines; `tables` renders docs/results.md."""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.p3_command import Commands, add_p3, add_p3_figures, counts
from benchmarks.plan import PLAN, objections, run_all
from benchmarks.provenance import commit, is_dirty
from benchmarks.result_files import (
    MissingDataError,
    Run,
    ToldError,
    read_folder,
    smoke_marked,
    write_runs,
)

_HERE = Path(__file__).resolve().parent
_RESULTS, _WORK = _HERE / "results", _HERE / "work"
_NAMES = {"p1": "p1-clean", "p2": "p2-clean", "p4": "p4", "promise": "promise"}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    runner: Callable[[argparse.Namespace], int] = options.run
    try:
        refuse_uncommitted(options)
        return runner(options)
    except MissingDataError as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 1
    except ToldError as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 2


def refuse_uncommitted(options: argparse.Namespace) -> None:
    """Raise ToldError where a result would be measured that no commit can make again."""
    is_result = hasattr(options, "file_name") and not options.n_images
    if is_result and not options.allow_dirty and is_dirty():
        raise ToldError(_uncommitted())


def _uncommitted() -> str:
    return f"the code differs from commit {commit()}: commit it first, or give --allow-dirty"


def target(options: argparse.Namespace) -> Path:
    """Return the file that a command writes; a smoke run is no result."""
    folder = _WORK if options.n_images else _RESULTS
    return options.out or folder / options.file_name(options)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; those that measure have `file_name`."""
    found = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = found.add_subparsers(dest="command", required=True)
    measuring = _measuring()
    for name in _NAMES:
        command = commands.add_parser(name, parents=[measuring])
        command.set_defaults(run=_run_protocol, protocol=name, file_name=_protocol_file)
        command.add_argument("--detector", help="name in the registry; default: the default one")
        if name == "p4":
            command.add_argument("--base-install", action="store_true", help="also install afresh")
            command.add_argument("--growth", type=counts, help="such as 100,1000,10000")
        else:
            command.add_argument("--seeds", type=int, default=5)
            command.add_argument("--splits", type=int, default=20, help="of `promise`")
    for name, run, words in (
        ("pseudo-labels", _run_pseudo_labels, "precision and recall of pseudo-labels"),
        ("pixel-maps", _run_pixel_maps, "maps that score cells differently, on P1"),
        ("siblings", _run_siblings, "what is left where products were not seen before"),
    ):
        command = commands.add_parser(name, parents=[measuring], help=words)
        command.set_defaults(run=run, file_name=_plain_file)
        if name != "pixel-maps":
            command.add_argument("--seeds", type=int, default=5)
    add_p3(commands, measuring, target)
    add_p3_figures(commands, _HERE.parent / "docs", _WORK)
    _add_mapl(commands, measuring)
    _add_labels(commands, measuring)
    _add_suite(commands, measuring)
    peers = commands.add_parser(
        "peers", parents=[measuring], help="what others reach on P1; runs are added"
    )
    peers.set_defaults(run=_run_peers, file_name=_peers_file)
    peers.add_argument("--method", choices=("padim", "patchcore"), default="padim")
    peers.add_argument("--seeds", type=int, default=3)
    peers.add_argument(
        "--beside-others", action="store_true", help="others run on this machine, too: no timings"
    )
    tables = commands.add_parser("tables")
    tables.set_defaults(run=_run_tables)
    tables.add_argument(
        "--check", action="store_true", help="exit 1 if docs/results.md or a figure is stale"
    )
    everything = commands.add_parser("all", help="all that docs/results.md shows, and the page")
    everything.set_defaults(run=_run_all)
    everything.add_argument("--check", action="store_true", help="say what is missing; run nothing")
    everything.add_argument("--allow-dirty", action="store_true", help="results of no commit")
    return found


def _measuring() -> argparse.ArgumentParser:
    """Return what commands that measure have in common."""
    found = argparse.ArgumentParser(add_help=False)
    found.add_argument("--out", type=Path, help="JSONL file")
    found.add_argument("--n-images", type=int, help="smoke run: so many images of a kind")
    found.add_argument("--cache", type=Path, default=_WORK / "features")
    found.add_argument("--allow-dirty", action="store_true", help="results of no commit")
    return found


def _protocol_file(options: argparse.Namespace) -> str:
    return f"{_NAMES[options.protocol]}-{options.detector}.jsonl"


def _peers_file(options: argparse.Namespace) -> str:
    return f"peers-{options.method}.jsonl"


def _plain_file(options: argparse.Namespace) -> str:
    return f"{options.command}.jsonl"


def _add_mapl(commands: Commands, measuring: argparse.ArgumentParser) -> None:
    words = "MAPL, MemSeg and the ablation; runs are added"
    mapl = commands.add_parser("mapl", parents=[measuring], help=words)
    mapl.set_defaults(run=_run_mapl, file_name=_plain_file)
    mapl.add_argument("--rows", help="comma-separated names, `main` or `all`", default="main")
    mapl.add_argument(
        "--variants", default="clean,noisy", help="of P1, or those of `labels`, such as p2-clean"
    )
    mapl.add_argument("--seeds", type=int, default=5)
    mapl.add_argument("--jobs", type=int, default=1, help="runs side by side, without timings")


def _add_labels(commands: Commands, measuring: argparse.ArgumentParser) -> None:
    words = "few labels on P1 and P2; runs are added"
    labels = commands.add_parser("labels", parents=[measuring], help=words)
    labels.set_defaults(run=_run_labels, file_name=_plain_file)
    labels.add_argument("--rows", help="comma-separated names, or `all`", default="all")
    labels.add_argument("--protocols", help="comma-separated names, or `all`", default="all")
    labels.add_argument("--seeds", type=int, default=5)
    labels.add_argument("--again", action="store_true", help="repeat runs that are there, too")
    labels.add_argument("--jobs", type=int, default=1, help="runs side by side, without timings")


def _add_suite(commands: Commands, measuring: argparse.ArgumentParser) -> None:
    words = (
        "every detector on five data sets, each in the variants that people have; runs are added"
    )
    suite = commands.add_parser("suite", parents=[measuring], help=words)
    suite.set_defaults(run=_run_suite, file_name=_plain_file)
    suite.add_argument("--rows", help="comma-separated names, `quick` or `all`", default="quick")
    suite.add_argument("--sets", help="comma-separated names, or `all`", default="all")
    suite.add_argument("--variants", help="comma-separated names, or `all`", default="all")
    suite.add_argument("--seeds", type=int, default=5)
    suite.add_argument("--jobs", type=int, default=1, help="runs side by side, without timings")


def _run_protocol(options: argparse.Namespace) -> int:
    options.detector = options.detector or _default_detector(options.protocol)
    return _write(options, _measure(options, options.detector))


def _run_pseudo_labels(options: argparse.Namespace) -> int:
    from benchmarks import pseudo_labels

    command = shlex.join(
        ["python", "-m", "benchmarks", "pseudo-labels", "--seeds", str(options.seeds)]
    )
    runs = pseudo_labels.run(
        n_seeds=options.seeds, cache=options.cache, n_images=options.n_images, command=command
    )
    return _write(options, runs)


def _run_pixel_maps(options: argparse.Namespace) -> int:
    from benchmarks import pixel_maps

    command = "python -m benchmarks pixel-maps"
    runs = pixel_maps.run(n_images=options.n_images, cache=options.cache, command=command)
    return _write(options, runs)


def _run_siblings(options: argparse.Namespace) -> int:
    from benchmarks import siblings

    command = f"python -m benchmarks siblings --seeds {options.seeds}"
    runs = siblings.run(
        n_seeds=options.seeds, n_images=options.n_images, cache=options.cache, command=command
    )
    return _write(options, runs)


def _run_peers(options: argparse.Namespace) -> int:
    from benchmarks.peers import anomalib_models

    command = f"python -m benchmarks peers --method {options.method} --seeds {options.seeds}"
    told = anomalib_models.Told(
        options.method,
        options.seeds,
        options.n_images,
        command,
        not options.beside_others,
        target(options),
    )
    anomalib_models.run(told)
    return 0


def _run_mapl(options: argparse.Namespace) -> int:
    from benchmarks import mapl

    named = {"main": tuple(mapl.MAIN), "all": tuple(mapl.ROWS)}
    parts = ["python", "-m", "benchmarks", "mapl", "--rows", options.rows]
    parts += ["--variants", options.variants, "--seeds", str(options.seeds)]
    told = mapl.Told(
        rows=named.get(options.rows) or tuple(options.rows.split(",")),
        variants=tuple(options.variants.split(",")),
        n_seeds=options.seeds, cache=options.cache, n_images=options.n_images,
        command=shlex.join(parts),
        out=target(options),
        n_jobs=options.jobs,
    )  # fmt: skip
    mapl.run(told)
    return 0


def _run_labels(options: argparse.Namespace) -> int:
    from benchmarks import label_cases, labels

    every_row, every_protocol = tuple(labels.ROWS), tuple(label_cases.FAMILIES)
    parts = ["python", "-m", "benchmarks", "labels", "--rows", options.rows]
    parts += ["--protocols", options.protocols, "--seeds", str(options.seeds)]
    told = labels.Told(
        rows=every_row if options.rows == "all" else tuple(options.rows.split(",")),
        protocols=every_protocol
        if options.protocols == "all"
        else tuple(options.protocols.split(",")),
        n_seeds=options.seeds, cache=options.cache, n_images=options.n_images,
        again=options.again, command=shlex.join(parts),
        out=target(options),
        n_jobs=options.jobs,
    )  # fmt: skip
    labels.run(told)
    return 0


def _run_suite(options: argparse.Namespace) -> int:
    from benchmarks import suite, suite_cases

    def listed(text: str, **named: tuple[str, ...]) -> tuple[str, ...]:
        return named.get(text) or tuple(text.split(","))

    parts = ["python", "-m", "benchmarks", "suite", "--rows", options.rows, "--sets", options.sets]
    parts += ["--variants", options.variants, "--seeds", str(options.seeds)]
    told = suite.Told(
        rows=listed(options.rows, quick=suite.QUICK, all=tuple(suite.ROWS)),
        sets=listed(options.sets, all=suite_cases.SETS),
        variants=listed(options.variants, all=suite_cases.VARIANTS),
        n_seeds=options.seeds, cache=options.cache, n_images=options.n_images,
        command=shlex.join(parts), out=target(options), n_jobs=options.jobs,
    )  # fmt: skip
    suite.run(told)
    return 0


def _write(options: argparse.Namespace, runs: Sequence[Run]) -> int:
    path = target(options)
    write_runs(path, [smoke_marked(run, options.n_images) for run in runs])
    print(path.name)
    return 0


def _measure(options: argparse.Namespace, detector: str) -> list[Run]:
    command = _command(options, detector)
    protocol = import_module(f"benchmarks.{options.protocol}")
    if options.protocol == "p4":
        growth = protocol.GROWTH if options.growth is None else options.growth
        runs: list[Run] = protocol.run(
            detector, growth=growth, n_images=options.n_images, base_install=options.base_install,
            command=command,
        )  # fmt: skip
        return runs
    from benchmarks.evaluation import Options

    told = Options(
        detector, options.seeds, options.cache, options.n_images, options.splits, command
    )
    return list(protocol.run(told))


def _command(options: argparse.Namespace, detector: str) -> str:
    """Return the command that makes the figure, without what belongs to the machine."""
    parts = ["python", "-m", "benchmarks", options.protocol, "--detector", detector]
    if options.protocol == "p4":
        if options.growth is not None:
            parts += ["--growth", ",".join(map(str, options.growth))]
        parts += ["--base-install"] if options.base_install else []
    elif options.protocol == "promise":
        parts += ["--splits", str(options.splits)]
    else:
        parts += ["--seeds", str(options.seeds)]
    return shlex.join(parts)


def _default_detector(protocol: str) -> str:
    if protocol == "p4":  # whose process must stay small, see there
        asked = "from defectory.detectors import DEFAULT_DETECTOR; print(DEFAULT_DETECTOR)"
        return subprocess.check_output([sys.executable, "-c", asked], text=True).strip()
    from defectory.detectors import DEFAULT_DETECTOR

    return DEFAULT_DETECTOR


def _run_tables(options: argparse.Namespace) -> int:
    from benchmarks import label_plots, mapl_plots, outlier_plots
    from benchmarks.tables import render

    docs = _HERE.parent / "docs"
    runs = read_folder(_RESULTS)
    plots = (label_plots, mapl_plots, outlier_plots)
    figures = [figure for plot in plots for figure in plot.figures(runs).items()]
    drawn = {docs / "figures" / name: text for name, text in figures}
    pages = {docs / "results.md": render(runs), **drawn}
    stale = [page for page, text in pages.items() if not _holds(page, text)]
    if options.check:
        for page in stale:
            print(f"docs/{page.name} is stale: run  python -m benchmarks tables", file=sys.stderr)
        return int(bool(stale))
    for page in stale:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(pages[page])
    return 0


def _holds(page: Path, text: str) -> bool:
    return page.is_file() and page.read_text() == text


def _run_all(options: argparse.Namespace) -> int:
    reasons = [] if options.allow_dirty or not is_dirty() else [_uncommitted()]
    reasons += objections()
    if not reasons and not options.check:
        reasons = run_all(options.allow_dirty)
    for reason in reasons:
        print(f"all: {reason}", file=sys.stderr)
    if options.check and not reasons:
        print(f"all: {len(PLAN)} commands can run")
    return int(bool(reasons))


if __name__ == "__main__":
    raise SystemExit(main())
