"""What collections in shards cost and whether they are right, as Markdown: a table a part."""

from collections.abc import Callable, Iterable, Sequence

from benchmarks.markdown import table
from benchmarks.result_files import Run
from benchmarks.shards_extrapolation import NEEDS, extrapolation

_NOTE = (
    "`score --shard`, `merge` and fits in parts, see [the cost model](scaling.md). Pictures of products on "
    "a dark ground, 256 px, gaussian, one thread a process, each command a process of its own."
)


def shards(runs: Sequence[Run]) -> str:
    """Return the section; the same runs give the same text. A part that was not measured is left out."""
    by_part = {run["part"]: run for run in runs}
    parts = [show(by_part[part]) for part, show in _PARTS.items() if part in by_part]
    if {*NEEDS} <= {*by_part}:
        parts.append(extrapolation(by_part))
    return "\n\n".join(part.strip("\n") for part in (f"## Shards\n\n{_NOTE}", *parts)) + "\n"


def _memory(run: Run) -> str:
    note = (
        "**Memory** of a process that scores a manifest as its only shard. The files are missing, so that "
        "all that grows with a list is there, and no image; the bundle is one of 64 px. Goal: a million "
        "rows take at most 1.2 times the memory of 10,000."
    )
    columns = zip(run["n_rows"], run["score_mb"], run["score_s"], strict=True)
    rows = [[f"{n:,}", f"{mb:.0f}", f"{s:.1f}"] for n, mb, s in columns]
    rows.append(["ratio", f"{run['score_mb'][-1] / run['score_mb'][0]:.2f}", ""])
    return _block(note, table(("rows", "peak, MB", "s"), rows))


def _listing(run: Run) -> str:
    note = (
        "**Listing**: seconds in which a shard reads a list and sorts its own images, beyond the "
        f"{run['start_up_s']:.1f} s of a list of one. Files are empty, a thousand a folder, and not opened."
    )
    columns = zip(*(run[key] for key in ("n_rows", "csv_s", "parquet_s", "folder_s")), strict=True)
    rows = [[f"{n:,}", *(f"{s:.1f}" for s in seconds)] for n, *seconds in columns]
    return _block(note, table(("images", "CSV", "Parquet", "folder"), rows))


def _merge(run: Run) -> str:
    note = (
        "**Merging** 16 shards: rows of 16 scored pictures, two of them defective, repeated under other "
        "names with scores of their own; no image is read. Checked: `merge` alone, which reads, compares "
        "and counts all rows. With a table all rows are sorted and written as well. Bytes of a row: of "
        "all files of shards on disk, and of the CSV. Goal: a million rows take at most 1.2 times the "
        "memory of 10,000."
    )
    keys = ("check_s", "csv_s", "parquet_s", "check_mb", "csv_mb", "row_bytes", "csv_row_bytes")
    columns = zip(run["n_rows"], *(run[key] for key in keys), strict=True)
    rows = [
        [f"{n:,}", *(f"{s:.1f}" for s in values[:3]), *(f"{value:.0f}" for value in values[3:])]
        for n, *values in columns
    ]
    few = max(i for i, n in enumerate(run["n_rows"]) if i == 0 or 100 * n <= run["n_rows"][-1])
    ratios = [f"{run[key][-1] / run[key][few]:.2f}" for key in ("check_mb", "csv_mb")]
    rows.append([f"ratio to {run['n_rows'][few]:,}", "", "", "", *ratios, "", ""])
    head = (
        "rows", "checked, s", "with CSV, s", "with Parquet, s", "checked, MB", "with CSV, MB",
        "bytes a row", "of CSV",
    )  # fmt: skip
    return _block(note, table(head, rows))


def _processes(run: Run) -> str:
    note = (
        f"**Processes**: {run['n_scored']:,} pictures in {run['n_shards']} shards, so many processes at a "
        "time, all start-ups counted. Goal: an efficiency of .9 from one process to two."
    )
    one = run["images_per_s"][0]
    rows = [
        [str(n), f"{rate:.1f}", f"{rate / one:.2f}", f"{run['efficiency']:.2f}" if n == 2 else ""]
        for n, rate in zip(run["processes"], run["images_per_s"], strict=True)
    ]
    spread = f"{min(run['efficiencies']):.2f} to {max(run['efficiencies']):.2f}"
    after = (
        f"The efficiency is the median of {len(run['efficiencies'])} turns of both, {spread}. `score` "
        f"without shards: {run['score_one_thread_per_s']:.1f} images/s in one thread, "
        f"{run['score_all_threads_per_s']:.1f} in as many as there are cores. A shard of one picture takes "
        f"{run['start_up_s']:.1f} s and {run['process_mb']:.0f} MB."
    )
    head = ("processes at a time", "images/s", "times one process", "efficiency")
    return _block(note, table(head, rows), after)


def _engine(run: Run) -> str:
    note = (
        f"**Engine**: {run['n_scored']:,} pictures in {run['n_shards']} shards, by "
        f"{run['n_at_once']} processes at a time, then `merge`, and by one command with `--ray local`, "
        "which merges, too; medians of turns of both. With all rows there already: what Ray takes to "
        "start, check and stop. Goal: at most 5 % over shards by hand."
    )
    row = [f"{run[key]:.1f}" for key in ("by_hand_s", "ray_s")]
    row += [f"{run['overhead']:+.1%}", f"{run['ray_all_there_s']:.1f}"]
    return _block(
        note, table(("by hand, s", "Ray, s", "difference", "all there already, s"), [row])
    )


def _incremental(run: Run) -> str:
    note = (
        f"**Incremental fit**: {run['n_new']:,} images more for a bundle of {run['n_old']:,}, 64 px, "
        "gaussian, without labels, nothing cached, all cores; the share is that of a full fit on all. "
        f"A full fit on half of the old images took {run['half_fit_s']:.0f} s. Goal: at most 3 %."
    )
    cells = [f"{run['fit_s']:.0f}", f"{run['fit_mb']:.0f}", f"{run['resumed_s']:.1f}"]
    cells += [f"{run['resumed_mb']:.0f}", f"{run['share']:.1%}"]
    head = ("full fit, s", "MB", "`--resume-from`, s", "MB", "share")
    return _block(note, table(head, [cells]))


def _parity(run: Run) -> str:
    note = (
        f"**Fits in parts**: fitted on one part and on {run['n_parts']}, scored on all test images. The "
        "difference is the largest of an image score, relative to it or to the standard deviation of all, "
        "whichever is larger. Goals: 1e-5 for Gaussians; for memories an AUROC that is at most .002 lower."
    )
    rows = [
        [
            fit["data_set"], fit["detector"], f"{fit['n_fitted']:,}", f"{fit['score_difference']:.1e}",
            f"{fit['image_auroc']:.3f}", f"{fit['image_auroc_of_parts']:.3f}",
            f"{fit['fit_s']:.0f}", f"{fit['fit_of_parts_s']:.0f}",
        ]
        for fit in run["fits"]
    ]  # fmt: skip
    head = (
        "set", "detector", "images", "score difference", "AUROC, 1 part",
        f"{run['n_parts']} parts", "s, 1 part", f"s, {run['n_parts']} parts in turn",
    )  # fmt: skip
    return _block(note, table(head, rows))


def _faults(run: Run) -> str:
    note = (
        f"**Faults**: {run['n_scored']:,} pictures in {run['n_shards']} shards; processes are killed by "
        "signal 9 at random moments, and what does not go on is run again. The merged table is compared "
        "by its SHA-256 with that of one process."
    )
    row = _fault_row("processes", run["n_runs"], run["n_killed"], run["n_same"])
    return _block(note, table(_FAULTS_HEAD, [row]))


def _ray_faults(run: Run) -> str:
    note = (
        f"**Faults of Ray**: the same with `--ray local`, whose workers are killed ({run['n_again']} of "
        f"{run['n_runs']} commands had to be run again); and a cluster that is killed in the middle, and "
        "another started at its address."
    )
    restarted = run["restarted"]
    what = f"cluster, and the command {restarted['command']}"
    rows = [
        _fault_row("workers", run["n_runs"], run["n_killed"], run["n_same"]),
        _fault_row(what, 1, 1, restarted["n_same"]),
    ]
    return _block(note, table(_FAULTS_HEAD, rows))


_FAULTS_HEAD = ("killed", "runs", "kills at work", "identical tables")


def _fault_row(what: str, n_runs: int, n_killed: int, n_same: int) -> list[str]:
    return [what, str(n_runs), str(n_killed), str(n_same)]


def _block(*paragraphs: str) -> str:
    return "\n\n".join(_stripped(paragraphs))


def _stripped(paragraphs: Iterable[str]) -> list[str]:
    return [paragraph.strip("\n") for paragraph in paragraphs]


_PARTS: dict[str, Callable[[Run], str]] = {
    "processes": _processes, "memory": _memory, "listing": _listing, "merge": _merge,
    "engine": _engine, "parity": _parity, "incremental": _incremental, "faults": _faults,
    "ray-faults": _ray_faults,
}  # fmt: skip
