"""`python -m benchmarks PROTOCOL`: run a protocol, write JSON; `tables` renders docs/results.md."""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.p3_command import add_p3, add_p3_figures, counts
from benchmarks.result_files import MissingDataError, ToldError, write_result

_HERE = Path(__file__).resolve().parent
_RESULTS, _WORK = _HERE / "results", _HERE / "work"
_NAMES = {"p1": "p1-clean", "p2": "p2-clean", "p4": "p4", "promise": "promise"}
_EVERY_DETECTOR = ("p1", "p2", "promise")
# The others train for minutes a fit, and are measured by `mapl` and `p3`.
_SWIFT = ("gaussian", "patch-memory")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    runner: Callable[[argparse.Namespace], int] = options.run
    try:
        return runner(options)
    except MissingDataError as error:
        print(f"skipped {options.command}: {error}", file=sys.stderr)
        return 0
    except ToldError as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in _NAMES:
        command = commands.add_parser(name)
        command.set_defaults(run=_run_protocol, protocol=name)
        command.add_argument("--detector", help="name in the registry; default: the default one")
        command.add_argument("--out", type=Path, help="JSON file")
        command.add_argument("--n-images", type=int, help="smoke run: so many images of a kind")
        if name == "p4":
            command.add_argument("--base-install", action="store_true", help="also install afresh")
            command.add_argument("--growth", type=counts, help="such as 100,1000,10000")
        else:
            command.add_argument("--seeds", type=int, default=5)
            command.add_argument("--splits", type=int, default=20, help="of `promise`")
            command.add_argument("--cache", type=Path, default=_WORK / "features")
    for name, run, words in (
        ("pseudo-labels", _run_pseudo_labels, "precision and recall of pseudo-labels"),
        ("pixel-maps", _run_pixel_maps, "maps that score cells differently, on P1"),
        ("siblings", _run_siblings, "what is left where products were not seen before"),
    ):
        command = commands.add_parser(name, help=words)
        command.set_defaults(run=run)
        command.add_argument("--out", type=Path, help="JSON file")
        command.add_argument("--n-images", type=int, help="smoke run: so many images of a kind")
        if name != "pixel-maps":
            command.add_argument("--seeds", type=int, default=5)
        command.add_argument("--cache", type=Path, default=_WORK / "features")
    add_p3(commands, _RESULTS, _WORK)
    add_p3_figures(commands, _HERE.parent / "docs", _WORK)
    _add_mapl(commands)
    _add_labels(commands)
    tables = commands.add_parser("tables")
    tables.set_defaults(run=_run_tables)
    tables.add_argument(
        "--check", action="store_true", help="exit 1 if docs/results.md or a figure is stale"
    )
    everything = commands.add_parser("all", help="every protocol, every detector, the tables")
    everything.set_defaults(run=_run_all)
    return parser


def _add_mapl(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    mapl = commands.add_parser("mapl", help="MAPL, MemSeg and the ablation; runs are added")
    mapl.set_defaults(run=_run_mapl)
    mapl.add_argument("--rows", help="comma-separated names, `main` or `all`", default="main")
    mapl.add_argument(
        "--variants", default="clean,noisy", help="of P1, or those of `labels`, such as p2-clean"
    )
    mapl.add_argument("--seeds", type=int, default=5)
    mapl.add_argument("--n-images", type=int, help="smoke run: so many images of a kind")
    mapl.add_argument("--cache", type=Path, default=_WORK / "features")
    mapl.add_argument("--out", type=Path, help="JSON file")
    mapl.add_argument("--jobs", type=int, default=1, help="runs side by side, without timings")


def _add_labels(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    labels = commands.add_parser("labels", help="few labels on P1 and P2; runs are added")
    labels.set_defaults(run=_run_labels)
    labels.add_argument("--rows", help="comma-separated names, or `all`", default="all")
    labels.add_argument("--protocols", help="comma-separated names, or `all`", default="all")
    labels.add_argument("--seeds", type=int, default=5)
    labels.add_argument("--again", action="store_true", help="repeat runs that are there, too")
    labels.add_argument("--n-images", type=int, help="smoke run: so many images of a kind")
    labels.add_argument("--cache", type=Path, default=_WORK / "features")
    labels.add_argument("--out", type=Path, help="JSON file")
    labels.add_argument("--jobs", type=int, default=1, help="runs side by side, without timings")


def _run_protocol(options: argparse.Namespace) -> int:
    detector = options.detector or _default_detector(options.protocol)
    result = _measure(options, detector)
    return _write(options, f"{_NAMES[options.protocol]}-{detector}.json", result)


def _run_pseudo_labels(options: argparse.Namespace) -> int:
    from benchmarks import pseudo_labels

    command = shlex.join(
        ["python", "-m", "benchmarks", "pseudo-labels", "--seeds", str(options.seeds)]
    )
    result = pseudo_labels.run(
        n_seeds=options.seeds, cache=options.cache, n_images=options.n_images, command=command
    )
    return _write(options, "pseudo-labels.json", result)


def _run_pixel_maps(options: argparse.Namespace) -> int:
    from benchmarks import pixel_maps

    command = "python -m benchmarks pixel-maps"
    result = pixel_maps.run(n_images=options.n_images, cache=options.cache, command=command)
    return _write(options, "pixel-maps.json", result)


def _run_siblings(options: argparse.Namespace) -> int:
    from benchmarks import siblings

    command = f"python -m benchmarks siblings --seeds {options.seeds}"
    result = siblings.run(
        n_seeds=options.seeds, n_images=options.n_images, cache=options.cache, command=command
    )
    return _write(options, "siblings.json", result)


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
        out=options.out or (_WORK if options.n_images else _RESULTS) / "mapl.json",
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
        out=options.out or (_WORK if options.n_images else _RESULTS) / "labels.json",
        n_jobs=options.jobs,
    )  # fmt: skip
    labels.run(told)
    return 0


def _write(options: argparse.Namespace, name: str, result: dict[str, Any]) -> int:
    if options.n_images:
        result["n_images"] = options.n_images
    folder = _WORK if options.n_images else _RESULTS  # a smoke run is no result
    path = options.out or folder / name
    write_result(path, result)
    print(path.name)
    return 0


def _measure(options: argparse.Namespace, detector: str) -> dict[str, Any]:
    command = _command(options, detector)
    protocol = import_module(f"benchmarks.{options.protocol}")
    if options.protocol == "p4":
        growth = protocol.GROWTH if options.growth is None else options.growth
        result: dict[str, Any] = protocol.run(
            detector, growth=growth, n_images=options.n_images, base_install=options.base_install,
            command=command,
        )  # fmt: skip
        return result
    from benchmarks.evaluation import Options

    told = Options(
        detector, options.seeds, options.cache, options.n_images, options.splits, command
    )
    return dict(protocol.run(told))


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
    results = [json.loads(path.read_text()) for path in sorted(_RESULTS.glob("*.json"))]
    plots = (label_plots, mapl_plots, outlier_plots)
    figures = [figure for plot in plots for figure in plot.figures(results).items()]
    drawn = {docs / "figures" / name: text for name, text in figures}
    pages = {docs / "results.md": render(results), **drawn}
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
    """Run each protocol in a process of its own: a failure or a large memory stays there."""
    del options
    commands = [[name, "--detector", found] for found in _SWIFT for name in _EVERY_DETECTOR]
    commands += [["p4", "--base-install"], ["pseudo-labels"], ["pixel-maps"], ["siblings"]]
    commands += [["p3", "--rivals"]]
    commands += [["p3", "--rivals", "--data", data] for data in ("solar-cells", "magnetic-tile")]
    commands += [["mapl"], ["mapl", "--rows", "all", "--seeds", "3"]]
    # every part taken away by turns is 30 hours on two cores: --rows all
    commands += [["labels", "--rows", "auto,normality alone"], ["tables"]]
    failed = 0
    for command in commands:
        print("python -m benchmarks", *command, file=sys.stderr)
        failed += subprocess.run(
            [sys.executable, "-m", "benchmarks", *command], env=os.environ, check=False
        ).returncode
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
