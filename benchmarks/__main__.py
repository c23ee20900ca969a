"""`python -m benchmarks PROTOCOL`: run a protocol, write JSON lines; `tables` renders docs/results.md."""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.p3_command import add_p3, add_p3_figures, counts
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
from benchmarks.row_commands import add_row_commands
from benchmarks.shards_command import add_shards

_HERE = Path(__file__).resolve().parent
_RESULTS, _WORK = _HERE / "results", _HERE / "work"
_NAMES = {"p1": "p1-clean", "p2": "p2-clean", "p4": "p4"}


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
    for name, run, words in (
        ("pseudo-labels", _run_pseudo_labels, "precision and recall of pseudo-labels"),
        ("pixel-maps", _run_pixel_maps, "maps that score cells differently, on P1"),
        ("siblings", _run_siblings, "what is left where products were not seen before"),
    ):
        command = commands.add_parser(name, parents=[measuring], help=words)
        command.set_defaults(run=run, file_name=_plain_file)
        if name != "pixel-maps":
            command.add_argument("--seeds", type=int, default=5)
    alarms = commands.add_parser(
        "alarms", parents=[measuring], help="how soon the alarm rings, and how often for nothing"
    )
    alarms.set_defaults(run=_run_alarms, file_name=_plain_file)
    alarms.add_argument("--lifetimes", type=int, default=1000)
    coverage = commands.add_parser(
        "coverage", parents=[measuring], help="how often intervals hold the true AUROC, by groups"
    )
    coverage.set_defaults(run=_run_coverage, file_name=_plain_file)
    coverage.add_argument("--data-sets", type=int, default=300, help="a case")
    watch = commands.add_parser(
        "watch", parents=[measuring], help="whether kills make it judge an image twice or never"
    )
    watch.set_defaults(run=_run_watch, file_name=_plain_file)
    watch.add_argument("--kills", type=int, default=200)
    watch.add_argument("--seed", type=int, default=0)
    groups = commands.add_parser(
        "found-groups", parents=[measuring], help="how well groups are found that nobody wrote down"
    )
    groups.set_defaults(run=_run_found_groups, file_name=_plain_file)
    federated = commands.add_parser(
        "federated", parents=[measuring], help="plants that share statistics in place of pictures"
    )
    federated.set_defaults(run=_run_federated, file_name=_plain_file)
    federated.add_argument("--seeds", type=int, default=3)
    service = commands.add_parser(
        "service", parents=[measuring], help="what `defectory serve` costs beside scoring offline"
    )
    service.set_defaults(run=_run_service, file_name=_plain_file)
    service.add_argument("--requests", type=int, default=20_000)
    service.add_argument("--clients", type=int, default=8)
    inspector = commands.add_parser(
        "inspector", parents=[measuring], help="thirty minutes at the review page, in a browser"
    )
    inspector.set_defaults(run=_run_inspector, file_name=_plain_file)
    inspector.add_argument("--pace", type=float, default=2.0, help="seconds a decision takes")
    inspector.add_argument("--minutes", type=float, default=30.0)
    add_p3(commands, measuring, target)
    add_p3_figures(commands, _HERE.parent / "docs", _WORK)
    add_row_commands(commands, measuring, target)
    add_shards(commands, measuring, target)
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


def _plain_file(options: argparse.Namespace) -> str:
    return f"{options.command}.jsonl"


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


def _run_alarms(options: argparse.Namespace) -> int:
    from benchmarks import alarms

    command = f"python -m benchmarks alarms --lifetimes {options.lifetimes}"
    runs = alarms.run(
        n_lifetimes=options.lifetimes,
        n_images=options.n_images,
        cache=options.cache,
        command=command,
    )
    return _write(options, runs)


def _run_coverage(options: argparse.Namespace) -> int:
    from benchmarks import coverage

    command = f"python -m benchmarks coverage --data-sets {options.data_sets}"
    runs = coverage.run(n_data_sets=options.data_sets, n_images=options.n_images, command=command)
    return _write(options, runs)


def _run_watch(options: argparse.Namespace) -> int:
    from benchmarks import watch

    command = f"python -m benchmarks watch --kills {options.kills} --seed {options.seed}"
    runs = watch.run(
        n_kills=options.kills, n_images=options.n_images, seed=options.seed, command=command
    )
    return _write(options, runs)


def _run_found_groups(options: argparse.Namespace) -> int:
    from benchmarks import found_groups

    command = "python -m benchmarks found-groups"
    runs = found_groups.run(n_images=options.n_images, cache=options.cache, command=command)
    return _write(options, runs)


def _run_federated(options: argparse.Namespace) -> int:
    from benchmarks import federated

    command = f"python -m benchmarks federated --seeds {options.seeds}"
    seeds = range(options.seeds)
    return _write(options, federated.run(seeds=seeds, n_images=options.n_images, command=command))


def _run_service(options: argparse.Namespace) -> int:
    from benchmarks import service

    told = ["--requests", str(options.requests), "--clients", str(options.clients)]
    runs = service.run(
        n_requests=options.requests,
        n_clients=options.clients,
        n_images=options.n_images,
        command=shlex.join(["python", "-m", "benchmarks", "service", *told]),
    )
    return _write(options, runs)


def _run_inspector(options: argparse.Namespace) -> int:
    from benchmarks import inspector

    told = ["--pace", f"{options.pace:g}", "--minutes", f"{options.minutes:g}"]
    runs = inspector.run(
        pace_s=options.pace,
        minutes=options.minutes,
        n_images=options.n_images,
        cache=options.cache,
        command=shlex.join(["python", "-m", "benchmarks", "inspector", *told]),
    )
    return _write(options, runs)


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

    told = Options(detector, options.seeds, options.cache, options.n_images, command)
    return list(protocol.run(told))


def _command(options: argparse.Namespace, detector: str) -> str:
    """Return the command that makes the figure, without what belongs to the machine."""
    parts = ["python", "-m", "benchmarks", options.protocol, "--detector", detector]
    if options.protocol == "p4":
        if options.growth is not None:
            parts += ["--growth", ",".join(map(str, options.growth))]
        parts += ["--base-install"] if options.base_install else []
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
    from benchmarks import label_plots, mapl_plots, outlier_plots, shards_plots
    from benchmarks.tables import render

    docs = _HERE.parent / "docs"
    runs = read_folder(_RESULTS)
    plots = (label_plots, mapl_plots, outlier_plots, shards_plots)
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
