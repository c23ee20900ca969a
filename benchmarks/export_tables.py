"""What exports differ by, and how fast they are, as Markdown."""

from collections.abc import Iterator, Sequence

from benchmarks.export import FORMS, ROWS
from benchmarks.markdown import share, table
from benchmarks.result_files import Run

_NOTE = (
    "Bundles of the suite's variant `clean`, exported in every form and scored on all test images in a "
    "process of its own. Largest error over all sets of a score (relative to itself, or to the spread of "
    "good scores) and of a map (relative to its highest value, or to the pixel threshold); flips: images "
    "decided otherwise than by the bundle in Python; AUROC: largest loss on a set; false rejects: of test "
    "images, means over sets, in brackets those of the bundle. int8 decides by a threshold of its own, "
    "fitted again on its scores. images/s, one image at a time on all cores, decoding not counted, means "
    "over sets; times: of the bundle in Python, one image at a time, and as many at once as there are cores."
)
_HEAD = (
    "", "form", "sets", "score error", "map error", "flips", "AUROC lost", "false rejects", "images/s",
    "times one at a time", "times many at once", "folder",
)  # fmt: skip


def exports(runs: Sequence[Run]) -> str:
    """Return the section; the same runs give the same text."""
    rows = [line for row in ROWS for form in FORMS for line in _row(row, form, runs)]
    refused = list(_refused(runs))
    told = [f"\nNot exported: {line}\n" for line in refused]
    return "\n".join(["## Exported bundles\n", _NOTE + "\n", table(_HEAD, rows), *told])


def _row(row: str, form: str, runs: Sequence[Run]) -> Iterator[list[str]]:
    of_row = [run for run in runs if run["row"] == row and form in run["forms"]]
    pairs = [(run, run["forms"][form]) for run in of_row if "error" not in run["forms"][form]]
    if not pairs:
        return
    found = [figures for _, figures in pairs]
    n = len(found)
    n_flips, n_tested = (
        sum(figures["n_flips"] for figures in found),
        sum(run["n_tested"] for run, _ in pairs),
    )
    false, before = (
        sum(figures[key] for figures in found) / n
        for key in ("false_rejects", "false_rejects_before")
    )
    speed = sum(figures["images_per_s"] for figures in found) / n
    one, many = (
        sum(run[key] for run, _ in pairs) / n
        for key in ("python_one_at_a_time_per_s", "python_images_per_s")
    )
    yield [
        row,
        form,
        str(n),
        f"{max(figures['largest_score_error'] for figures in found):.0e}",
        f"{max(figures['largest_map_error'] for figures in found):.0e}",
        f"{n_flips} of {n_tested:,}",
        f"{max(figures['auroc_before'] - figures['auroc'] for figures in found):.4f}",
        f"{share(false)} ({share(before)})",
        f"{speed:.1f}",
        f"{speed / one:.2f}",
        f"{speed / many:.2f}",
        f"{max(figures['folder_mb'] for figures in found):.0f} MB",
    ]


def _refused(runs: Sequence[Run]) -> Iterator[str]:
    for run in runs:
        for form, figures in run["forms"].items():
            if "error" in figures:
                yield f"{run['row']}, {run['data_set']}, {form}: {figures['error']}"
