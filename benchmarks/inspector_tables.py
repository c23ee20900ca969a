"""Thirty minutes of an inspector, as Markdown."""

from collections.abc import Sequence
from typing import Any

from benchmarks.markdown import decimals, table
from benchmarks.result_files import Run

_NOTE = (
    "`defectory start` on {data_set} of `{variant}` as they are, a driver at the page in a headless browser: "
    "{pace:g} s a decision, always right, {minutes:g} minutes in all. Recall and false rejects are of test "
    "images that nobody saw, at the shipped threshold. Waiting is from the key to the photo on screen, while "
    "the detector learns in the background on the same two cores. A lesson is shown once its effect on "
    "confirmed images is known, and can be taken once the other images are scored."
)


def inspector(runs: Sequence[Run]) -> str:
    """Return two tables; the same runs give the same text."""
    (run,) = runs
    note = _NOTE.format(
        data_set=run["data_set"],
        variant=run["variant"],
        pace=run["pace_s"],
        minutes=run["minutes"],
    )
    parts = ["## An inspector at the review page\n", note + "\n"]
    return "\n".join([*parts, table(["", "measured", "goal"], _rows(run["session"], run["large"]))])


def _rows(told: dict[str, Any], large: dict[str, Any]) -> list[list[str]]:
    before, after = told["before"], told["after"]
    lessons = told["lessons"]
    asked = [lesson for lesson in lessons if not lesson["was_ready"]]
    n_refused = sum(bool(lesson["worse"]) for lesson in lessons)
    width, height = large["size_px"]
    brush = large["brush_ms"]
    rows = [
        ["unattended, from the command to the page", f"{told['unattended_s']:.0f} s", "2 min"],
        ["from there to the first photo", f"{told['first_photo_s']:.0f} s", ""],
        ["images labeled", f"{told['n_labels']}", ">= 500 in 30 min"],
        ["hidden defects among them", f"{told['n_defective']} of {told['n_hidden']}", ""],
        ["next photo", _waits(told["next_photo_ms"]), "100 ms, 250 ms"],
        [
            "recall / false rejects, before",
            f"{decimals(before['recall'])} / {decimals(before['false_rejects'])} ({before['basis']})",
            "",
        ],
        [
            "recall / false rejects, after",
            f"{decimals(after['recall'])} / {decimals(after['false_rejects'])} ({after['basis']})",
            "",
        ],
        [
            "image AUROC, before and after",
            f"{decimals(before['image_auroc'])}, {decimals(after['image_auroc'])}",
            "",
        ],
        ["lessons, refused", f"{len(lessons)}, {n_refused}", ""],
    ]
    for name, key in (("shown", "shown_s"), ("can be taken", "ready_s")):
        if asked:
            slowest = max(lesson[key] for lesson in asked)
            rows.append([f"a lesson asked for {name} after, at most", f"{slowest:.1f} s", "5 s"])
    megapixels = width * height / 1e6
    return [
        *rows,
        ["the table of thresholds there after", f"{told['threshold_s']:.1f} s", ""],
        ["checked at the end, decided wrongly", f"{told['n_checked']}, {told['n_wrong']}", ""],
        [
            f"next photo of {megapixels:.0f} megapixels",
            _waits(large["next_photo_ms"]),
            "100 ms, 250 ms",
        ],
        [
            f"frame while a brush draws {brush['n_strokes']} strokes on one, highest",
            f"{brush['highest']:.0f} ms",
            "50 ms",
        ],
    ]


def _waits(found: dict[str, float]) -> str:
    return f"{found['p50']:.0f} ms median, {found['p99']:.0f} ms p99 of {found['n']:.0f}"
