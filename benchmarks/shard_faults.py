"""Runs whose workers are killed at random moments: is the merged table that of one process, to the byte?

By hand: four shards, two processes at a time; every process is killed by signal 9 at a random moment, or was
faster, and all are run again to the end. With Ray: one command scores all shards, and workers of it are
killed; in the last run it is the cluster itself that is stopped, another one is started, and the same command
goes on. Only processes that were started here are ended, by their number.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.shard_place import PARTS, Arguments, Place, shard_command, timed
from benchmarks.shard_ray import Cluster, end, free_port, ray_workers
from benchmarks.shard_speed import missing_ray, ray_command

N_SHARDS, N_NAMES = 4, 240
_CHUNK = ("--chunk-size", 16)
_TABLE = "scores.csv"
_KILLS_A_RUN = 3
_PATIENCE_S = 180.0


def measure(place: Place, n_runs: int, seed: int, n_names: int = N_NAMES) -> dict[str, Any]:
    """Return how many runs by hand had how many kills, and how many tables are those of one process."""
    expected = _score_alone(place, n_names)
    facts = {"n_runs": n_runs, "n_scored": n_names, "n_shards": N_SHARDS}
    return facts | _by_hand(place, n_runs, seed, expected)


def measure_ray(
    place: Place, n_runs: int, seed: int, n_names: int = N_NAMES
) -> dict[str, Any] | None:
    """Return the same of runs with Ray, and of one whose cluster is stopped; None without Ray."""
    if missing := missing_ray():
        print(f"shards: faults of Ray left out: {missing}", file=sys.stderr)
        return None
    expected = _score_alone(place, n_names)
    facts = {"n_runs": n_runs, "n_scored": n_names, "n_shards": N_SHARDS}
    restarted = _restarted(place, seed, expected)
    return facts | _by_ray(place, n_runs, seed, expected) | {"restarted": restarted}


def _score_alone(place: Place, n_names: int) -> str:
    """Return the SHA-256 of the table that one process writes."""
    for name in ("few", "whole"):
        shutil.rmtree(place.folder / name, ignore_errors=True)
    place.link_names("few", n_names)
    place.run("score", PARTS, "few", "-o", "whole", "--format", "csv", "--quiet")
    return _sha256(place.folder / "whole" / _TABLE)


def _by_hand(place: Place, n_runs: int, seed: int, expected: str) -> dict[str, Any]:
    draw = random.Random(seed)
    whole_s = timed(lambda: place.run(*shard_command("few", "timed", 0, N_SHARDS, *_CHUNK)))
    n_killed = 0
    same: list[bool] = []
    for run in range(n_runs):
        out = f"killed-{run}"
        shards = [shard_command("few", out, i, N_SHARDS, *_CHUNK) for i in range(N_SHARDS)]
        for pair in (shards[:2], shards[2:]):
            n_killed += _start_and_kill(place, pair, draw, 1.5 * whole_s)
        place.run_all(shards, 2)
        same.append(_is_same(place, out, expected))
    return {"n_killed": n_killed, "n_same": sum(same)}


def _start_and_kill(
    place: Place, commands: Sequence[Arguments], draw: random.Random, within_s: float
) -> int:
    """Start commands at once, kill each at a random moment, and return how many were still at work."""
    moments = sorted(draw.uniform(0.1, 1) * within_s for _ in commands)
    started = time.monotonic()
    processes = [place.start(*command) for command in commands]
    for process, moment in zip(processes, moments, strict=True):
        time.sleep(max(0.0, started + moment - time.monotonic()))
        process.send_signal(signal.SIGKILL)
    return sum(process.wait() == -signal.SIGKILL for process in processes)


def _by_ray(place: Place, n_runs: int, seed: int, expected: str) -> dict[str, Any]:
    """Kill workers while one command scores all shards; run it again where it gave up."""
    draw, n_killed, n_again = random.Random(seed), 0, 0
    same: list[bool] = []
    for run in range(n_runs):
        out = f"ray-{run}"
        command = (*ray_command("few", out, N_SHARDS), *_CHUNK)
        process = place.start(*command)
        for _ in range(_KILLS_A_RUN):
            _wait_for_rows(process, place.folder / out)
            time.sleep(draw.uniform(0, 1.5))
            workers = ray_workers(process.pid)
            if process.poll() is None and workers:
                os.kill(draw.choice(workers), signal.SIGKILL)
                n_killed += 1
        if _status(process) != 0:
            n_again += 1
            place.run(*command)
        same.append(_is_same(place, out, expected))
    return {"n_killed": n_killed, "n_again": n_again, "n_same": sum(same)}


def _restarted(place: Place, seed: int, expected: str) -> dict[str, Any]:
    """Stop the cluster in the middle, start another at its address, and let the same command go on."""
    port, out = free_port(), "restarted"
    command = (*ray_command("few", out, N_SHARDS, f"127.0.0.1:{port}"), *_CHUNK)
    cluster = Cluster(place.folder / "cluster", port)
    try:
        process = place.start(*command)
        _wait_for_rows(process, place.folder / out)
        time.sleep(random.Random(seed).uniform(0, 1))
        n_before = len(list((place.folder / out).rglob("*.parquet")))
        cluster.stop()
        cluster = Cluster(place.folder / "cluster", port)
        status = _status(process)
        if status != 0:
            place.run(*command)
    finally:
        cluster.stop()
    return {
        "n_files_before": n_before,
        "command": {0: "went on", None: "did not end"}.get(status, "failed"),
        "n_same": int(_is_same(place, out, expected)),
    }


def _wait_for_rows(process: subprocess.Popen[bytes], out: Path) -> None:
    """Wait until a first file of rows is there or the command has ended."""
    until = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        if next(out.rglob("*.parquet"), None) is not None:
            return
        time.sleep(0.05)


def _status(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit status of a command; None where it did not end, and had to be ended."""
    try:
        return process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        end(process.pid)
        process.wait()
        return None


def _is_same(place: Place, out: str, expected: str) -> bool:
    place.run("merge", out, "--format", "csv", "--quiet")
    found = _sha256(place.folder / out / _TABLE)
    shutil.rmtree(place.folder / out)
    return found == expected


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
