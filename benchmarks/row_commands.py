"""The commands that add runs to a file, and leave out what is there."""

import argparse
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.p3_command import Commands


def add_row_commands(
    commands: Commands,
    measuring: argparse.ArgumentParser,
    target: Callable[[argparse.Namespace], Path],
) -> None:
    """Add them; `target` says which file a command writes."""
    for add in (
        _add_mapl,
        _add_labels,
        _add_suite,
        _add_promise,
        _add_updates,
        _add_review,
        _add_providers,
        _add_export,
        _add_peers,
    ):
        add(commands, measuring).set_defaults(target=target)


def _add_mapl(commands: Commands, measuring: argparse.ArgumentParser) -> argparse.ArgumentParser:
    words = "MAPL, MemSeg and the ablation; runs are added"
    mapl = commands.add_parser("mapl", parents=[measuring], help=words)
    mapl.set_defaults(run=_run_mapl, file_name=_plain_file)
    mapl.add_argument("--rows", help="comma-separated names, `main` or `all`", default="main")
    mapl.add_argument(
        "--variants", default="clean,noisy", help="of P1, or those of `labels`, such as p2-clean"
    )
    mapl.add_argument("--seeds", type=int, default=5)
    mapl.add_argument("--jobs", type=int, default=1, help="runs side by side, without timings")
    return mapl


def _add_labels(commands: Commands, measuring: argparse.ArgumentParser) -> argparse.ArgumentParser:
    words = "few labels on P1 and P2; runs are added"
    labels = commands.add_parser("labels", parents=[measuring], help=words)
    labels.set_defaults(run=_run_labels, file_name=_plain_file)
    labels.add_argument("--rows", help="comma-separated names, or `all`", default="all")
    labels.add_argument("--protocols", help="comma-separated names, or `all`", default="all")
    labels.add_argument("--seeds", type=int, default=5)
    labels.add_argument("--again", action="store_true", help="repeat runs that are there, too")
    labels.add_argument("--jobs", type=int, default=1, help="runs side by side, without timings")
    return labels


def _add_suite(commands: Commands, measuring: argparse.ArgumentParser) -> argparse.ArgumentParser:
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
    return suite


def _add_promise(commands: Commands, measuring: argparse.ArgumentParser) -> argparse.ArgumentParser:
    words = "whether the promised rate holds on new groups of good images; runs are added"
    promise = commands.add_parser("promise", parents=[measuring], help=words)
    promise.set_defaults(run=_run_promise, file_name=_plain_file)
    promise.add_argument("--rows", default="simulated,gaussian", help="comma-separated detectors")
    promise.add_argument("--sets", help="comma-separated names, or `all`", default="all")
    promise.add_argument("--ways", help="groups are given, found or none", default="given,found")
    promise.add_argument("--splits", type=int, default=20)
    promise.add_argument("--jobs", type=int, default=1, help="runs side by side")
    return promise


def _add_updates(commands: Commands, measuring: argparse.ArgumentParser) -> argparse.ArgumentParser:
    words = "decisions in folders nobody sorted, before and after labels; runs are added"
    updates = commands.add_parser("updates", parents=[measuring], help=words)
    updates.set_defaults(run=_run_updates, file_name=_plain_file)
    updates.add_argument("--sets", help="comma-separated names, or `all`", default="all")
    updates.add_argument("--variants", default="contaminated-10,contaminated-20")
    updates.add_argument("--seeds", type=int, default=5)
    updates.add_argument("--jobs", type=int, default=1, help="runs side by side")
    return updates


def _add_review(commands: Commands, measuring: argparse.ArgumentParser) -> argparse.ArgumentParser:
    words = "what labels bring, by which images are asked about; runs are added"
    review = commands.add_parser("review", parents=[measuring], help=words)
    review.set_defaults(run=_run_review, file_name=_plain_file)
    review.add_argument("--rows", help="comma-separated strategies, or `all`", default="all")
    review.add_argument("--sets", help="comma-separated names, or `all`", default="all")
    review.add_argument("--variants", default="contaminated-10")
    review.add_argument("--inspectors", help="comma-separated, or `all`", default="all")
    review.add_argument("--seeds", type=int, default=5)
    review.add_argument("--jobs", type=int, default=1, help="runs side by side")
    return review


def _add_providers(
    commands: Commands, measuring: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    words = "how fast runtimes score one bundle, and how far they differ; runs are added"
    providers = commands.add_parser("providers", parents=[measuring], help=words)
    providers.set_defaults(run=_run_providers, file_name=_plain_file)
    providers.add_argument("--rows", help="comma-separated detectors, or `all`", default="all")
    providers.add_argument("--sets", help="comma-separated names, or `all`", default="all")
    return providers


def _add_export(commands: Commands, measuring: argparse.ArgumentParser) -> argparse.ArgumentParser:
    words = "whether exported bundles decide alike, and how fast; runs are added"
    export = commands.add_parser("export", parents=[measuring], help=words)
    export.set_defaults(run=_run_export, file_name=_plain_file, jobs=1)
    export.add_argument("--rows", help="comma-separated names, or `all`", default="all")
    export.add_argument("--sets", help="comma-separated names, or `all`", default="all")
    export.add_argument("--forms", help="comma-separated runtimes and precisions", default="all")
    return export


def _add_peers(commands: Commands, measuring: argparse.ArgumentParser) -> argparse.ArgumentParser:
    peers = commands.add_parser(
        "peers", parents=[measuring], help="what others reach on P1; runs are added"
    )
    peers.set_defaults(run=_run_peers, file_name=_peers_file)
    peers.add_argument("--method", choices=("padim", "patchcore"), default="padim")
    peers.add_argument("--seeds", type=int, default=3)
    peers.add_argument(
        "--beside-others", action="store_true", help="others run on this machine, too: no timings"
    )
    return peers


def _peers_file(options: argparse.Namespace) -> str:
    return f"peers-{options.method}.jsonl"


def _plain_file(options: argparse.Namespace) -> str:
    return f"{options.command}.jsonl"


def _run_peers(options: argparse.Namespace) -> int:
    from benchmarks.peers import anomalib_models

    command = f"python -m benchmarks peers --method {options.method} --seeds {options.seeds}"
    told = anomalib_models.Told(
        options.method,
        options.seeds,
        options.n_images,
        command,
        not options.beside_others,
        options.target(options),
    )
    anomalib_models.run(told)
    return 0


def _run_mapl(options: argparse.Namespace) -> int:
    from benchmarks import mapl

    named = {"main": tuple(mapl.MAIN), "all": tuple(mapl.ROWS)}
    told = mapl.Told(
        rows=named.get(options.rows) or tuple(options.rows.split(",")),
        variants=tuple(options.variants.split(",")),
        n_seeds=options.seeds,
        **_told_to_all(options, "rows", "variants", "seeds"),
    )
    mapl.run(told)
    return 0


def _run_labels(options: argparse.Namespace) -> int:
    from benchmarks import label_cases, labels

    told = labels.Told(
        rows=_listed(options.rows, labels.ROWS),
        protocols=_listed(options.protocols, label_cases.FAMILIES),
        n_seeds=options.seeds,
        again=options.again,
        **_told_to_all(options, "rows", "protocols", "seeds"),
    )
    labels.run(told)
    return 0


def _run_suite(options: argparse.Namespace) -> int:
    from benchmarks import suite, suite_cases

    rows = suite.QUICK if options.rows == "quick" else _listed(options.rows, suite.ROWS)
    told = suite.Told(
        rows=rows,
        sets=_listed(options.sets, suite_cases.SETS),
        variants=_listed(options.variants, suite_cases.VARIANTS),
        n_seeds=options.seeds,
        **_told_to_all(options, "rows", "sets", "variants", "seeds"),
    )
    suite.run(told)
    return 0


def _run_promise(options: argparse.Namespace) -> int:
    from benchmarks import promise, suite_cases

    told = promise.Told(
        rows=tuple(options.rows.split(",")),
        sets=_listed(options.sets, suite_cases.SETS),
        ways=tuple(options.ways.split(",")),
        n_splits=options.splits,
        **_told_to_all(options, "rows", "sets", "ways", "splits"),
    )
    promise.run(told)
    return 0


def _run_updates(options: argparse.Namespace) -> int:
    from benchmarks import suite_cases, updates

    told = updates.Told(
        sets=_listed(options.sets, suite_cases.SETS),
        variants=tuple(options.variants.split(",")),
        n_seeds=options.seeds,
        **_told_to_all(options, "sets", "variants", "seeds"),
    )
    updates.run(told)
    return 0


def _run_review(options: argparse.Namespace) -> int:
    from benchmarks import review, suite_cases

    told = review.Told(
        rows=_listed(options.rows, review.ROWS),
        sets=_listed(options.sets, suite_cases.SETS),
        variants=_listed(options.variants, review.VARIANTS),
        inspectors=_listed(options.inspectors, review.INSPECTORS),
        n_seeds=options.seeds,
        **_told_to_all(options, "rows", "sets", "variants", "inspectors", "seeds"),
    )
    review.run(told)
    return 0


def _run_providers(options: argparse.Namespace) -> int:
    from benchmarks import providers, suite_cases

    told = providers.Told(
        rows=_listed(options.rows, providers.ROWS),
        sets=_listed(options.sets, suite_cases.SETS),
        **_told_to_all(options, "rows", "sets"),
    )
    providers.run(told)
    return 0


def _run_export(options: argparse.Namespace) -> int:
    from benchmarks import export, suite_cases

    told = export.Told(
        rows=_listed(options.rows, export.ROWS),
        sets=_listed(options.sets, suite_cases.SETS),
        forms=_listed(options.forms, export.FORMS),
        **_told_to_all(options, "rows", "sets", "forms"),
    )
    export.run(told)
    return 0


def _listed(text: str, every: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a person gave, comma-separated, or all there are."""
    return tuple(every) if text == "all" else tuple(text.split(","))


def _told_to_all(options: argparse.Namespace, *said: str) -> dict[str, Any]:
    """Return what every such benchmark is told; `said` are the options that its command repeats."""
    words = [word for name in said for word in (f"--{name}", str(getattr(options, name)))]
    return {
        "cache": options.cache,
        "n_images": options.n_images,
        "command": shlex.join(["python", "-m", "benchmarks", options.command, *words]),
        "out": options.target(options),
        "n_jobs": getattr(options, "jobs", 1),  # where timings count there is no such option
    }
