"""Images a second by processes, what a shard costs before its first image, and what an engine adds.

Sixteen shards of pictures of 256 px, one thread a process, scored by 1, 2, 4, 8 and 16 processes at a time;
the same by one command with Ray where that is here. One process and two, and Ray beside processes, take
turns several times, and medians are shown: the machine is never quite the same.
"""

import shutil
import sys
from importlib.util import find_spec
from statistics import median
from typing import Any

from benchmarks.provenance import n_cores
from benchmarks.shard_place import PARTS, Place, shard_command, takes

PROCESSES = (1, 2, 4, 8, 16)
N_SHARDS, N_NAMES, N_ENGINE_NAMES = 16, 2_000, 6_000
_ROUNDS = 3


def measure_processes(
    place: Place, n_names: int = N_NAMES, processes: tuple[int, ...] = PROCESSES
) -> dict[str, Any]:
    """Return images a second for each number of processes, start-up, and what rows take on disk."""
    place.link_names("many", n_names)
    start_ups = [place.cost(*_shard_of_one(place, i)) for i in range(_ROUNDS)]
    seconds: dict[int, list[float]] = {n: [] for n in processes}
    for turn in range(_ROUNDS):
        for n in processes if turn == 0 else processes[:2]:
            seconds[n].append(_by_hand_s(place, "many", "by-hand", n))
    alone = place.cost("score", PARTS, "many", "-o", "alone", "--threads", 1)
    shutil.rmtree(place.folder / "alone")
    whole = place.cost("score", PARTS, "many", "-o", "alone")
    shutil.rmtree(place.folder / "alone")
    first = seconds[processes[0]]
    ratios = [one / two / 2 for one, two in zip(first, seconds[processes[1]], strict=True)]
    return {
        "n_scored": n_names,
        "n_shards": N_SHARDS,
        "processes": list(processes),
        "images_per_s": [n_names / median(seconds[n]) for n in processes],
        "efficiency": median(ratios),
        "efficiencies": ratios,
        "start_up_s": median(cost.wall_s for cost in start_ups),
        "process_mb": max(cost.peak_mb for cost in start_ups),
        "score_one_thread_per_s": n_names / alone.wall_s,
        "score_all_threads_per_s": n_names / whole.wall_s,
    }


def measure_engine(place: Place, n_names: int = N_ENGINE_NAMES) -> dict[str, Any] | None:
    """Return seconds of shards and `merge` by hand, and of one command with Ray; None without Ray."""
    if missing := missing_ray():
        print(f"shards: engine left out: {missing}", file=sys.stderr)
        return None
    n_at_once = n_cores()
    place.link_names("engine", n_names)
    place.run(*ray_command("pictures", "warm", N_SHARDS))  # compiles modules, once on a machine
    by_hand, by_ray, empty = [], [], []
    for _ in range(_ROUNDS):
        by_hand.append(_by_hand_s(place, "engine", "by-hand", n_at_once, is_merged=True))
        by_ray.append(place.run_all([ray_command("engine", "by-ray", N_SHARDS)], 1))
        empty.append(place.run_all([ray_command("engine", "by-ray", N_SHARDS)], 1))
        shutil.rmtree(place.folder / "by-ray")
    pairs = zip(by_hand, by_ray, strict=True)
    return {
        "n_scored": n_names,
        "n_shards": N_SHARDS,
        "n_at_once": n_at_once,
        "by_hand_s": median(by_hand),
        "ray_s": median(by_ray),
        "ray_all_there_s": median(empty),
        "overhead": median(ray_s / hand_s - 1 for hand_s, ray_s in pairs),
    }


def missing_ray() -> str:
    """Return what is missing for `score --ray`; "" where all is here."""
    if find_spec("ray") is None:
        return 'run  pip install "defectory[ray]"'
    return "" if takes("score", "--ray") else "score has no option --ray"


def ray_command(images: str, out: str, n_shards: int, address: str = "local") -> tuple[object, ...]:
    """Return the command that scores all shards with Ray."""
    ray = ("--ray", address, "--shards", n_shards, "--threads", 1)
    return ("score", PARTS, images, "-o", out, *ray, "--quiet")


def _by_hand_s(
    place: Place, images: str, out: str, n_at_once: int, *, is_merged: bool = False
) -> float:
    commands = [shard_command(images, out, i, N_SHARDS) for i in range(N_SHARDS)]
    seconds = place.run_all(commands, n_at_once)
    if is_merged:
        seconds += place.run_all([("merge", out, "--quiet")], 1)
    shutil.rmtree(place.folder / out)
    return seconds


def _shard_of_one(place: Place, i: int) -> tuple[object, ...]:
    """Return the command of a shard that holds one picture."""
    folder = f"one-{i}"
    place.link_names(folder, 1)
    return ("score", PARTS, folder, "-o", f"{folder}-out", "--shard", "0/1", "--threads", 1)
