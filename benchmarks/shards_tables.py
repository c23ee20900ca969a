"""What shards take and keep, as Markdown."""

from collections.abc import Sequence

from benchmarks.markdown import table
from benchmarks.result_files import Run

_NOTE = (
    "Memory: the peak of a process that scores a manifest as its only shard, and of `merge --format "
    "csv` behind it. The files are missing, so that all that grows with a list is there, and no image. "
    "The goal is that a million rows take at most 1.2 times what 10,000 take. Processes: two shards of "
    "gaussian on pictures of 256 px, one thread a process, one after the other and both at once; the "
    "goal is an efficiency of .9. Kills: real processes, by signal 9, at random moments; the merged "
    "table is compared with that of one process."
)
_HEAD = ("rows", "score, MB", "merge, MB", "score, s")
_SPEED_HEAD = ("images", "`score`, images/s", "shards in turn", "two at once", "efficiency")
_KILL_HEAD = ("kills", "at work", "images missing", "twice", "the table of one process")


def shards(runs: Sequence[Run]) -> str:
    """Return tables; the same runs give the same text."""
    parts = [f"## Shards\n\n{_NOTE}"]
    for run in runs:
        memory = zip(run["n_rows"], run["score_mb"], run["merge_mb"], run["listing_s"], strict=True)
        rows = [[f"{n:,}", f"{mb:.0f}", f"{merge:.0f}", f"{s:.0f}"] for n, mb, merge, s in memory]
        ratio = run["score_mb"][-1] / run["score_mb"][0]
        rows.append(
            ["ratio", f"{ratio:.2f}", f"{run['merge_mb'][-1] / run['merge_mb'][0]:.2f}", ""]
        )
        speeds = [f"{run[key]:.1f}" for key in ("alone_per_s", "in_turn_per_s", "at_once_per_s")]
        speed = [f"{run['n_scored']:,}", *speeds, f"{run['efficiency']:.2f}"]
        kills = [str(run[key]) for key in ("n_kills", "n_killed_at_work", "n_missing", "n_twice")]
        kills.append("to the byte" if run["is_identical"] else "another")
        parts += [table(_HEAD, rows), table(_SPEED_HEAD, [speed]), table(_KILL_HEAD, [kills])]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"
