"""The command `shards`; what it needs is imported only when it runs."""

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks.p3_command import Commands


def add_shards(
    commands: Commands,
    measuring: argparse.ArgumentParser,
    target: Callable[[argparse.Namespace], Path],
) -> None:
    """Add it; `target` says which file it writes."""
    words = "collections in shards: memory, speed, merging, fits in parts, faults"
    shards = commands.add_parser("shards", parents=[measuring], help=words)
    shards.set_defaults(run=_run_shards, file_name=_file_name, target=target)
    shards.add_argument("--parts", default="all", help="comma-separated names, or `all`")
    shards.add_argument("--runs", type=int, default=20, help="whose workers are killed")
    shards.add_argument("--seed", type=int, default=0)


def _file_name(options: argparse.Namespace) -> str:
    return f"{options.command}.jsonl"


def _run_shards(options: argparse.Namespace) -> int:
    from benchmarks import shards

    told = shards.Told(
        cache=options.cache,
        n_images=options.n_images,
        command=f"python -m benchmarks shards --runs {options.runs} --seed {options.seed}",
        out=options.target(options),
        parts=shards.PARTS if options.parts == "all" else tuple(options.parts.split(",")),
        n_runs=options.runs,
        seed=options.seed,
    )
    shards.run(told)
    print(told.out.name)
    return 0
