"""What labels bring, by who chose the images, as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean

from benchmarks.markdown import decimals, table
from benchmarks.result_files import Run
from benchmarks.review import INSPECTORS, N_ASKED, N_BATCHES, N_REFERENCE, REFERENCE_ROW, ROWS
from benchmarks.suite_cases import SETS
from benchmarks.updates import VARIANTS

SHOWN = (0, 10, 20, 50, 100)
"""Labels whose figures are in the table."""

_COMPARED = 20
_RANDOM = "random"
_REACHED = 0.9
_NOTE = (
    "`auto` on folders with 10 or 20 % hidden defects, taught by `update` the answers of a simulated "
    "inspector who is asked about {n} images at a time, without masks. AP of test images after so many "
    "labels, means over sets of means over draws; `taught`: after all of them, had no update been "
    "refused; `recall`: found / good parts rejected at the shipped threshold after all of them; "
    "`found`: share of the hidden defects among the {all} images asked about; `over random`: AP after "
    "{compared} labels above that of images drawn at random, on the same draws; `random wins`: sets "
    "where it is below; `labels to reach`: until {share:.0%} of what {reference} random answers add to "
    "the AP are there, {all} where they never are, mean over sets and draws where these add anything. "
    "Rows of fewer draws are of the first ones. `holds-threshold` finds nothing to ask about where the "
    "threshold is an estimate, as here, and goes on at random."
)


def review(runs: Sequence[Run]) -> str:
    """Return a table a variant and inspector; the same runs give the same text."""
    told = _NOTE.format(
        n=N_ASKED,
        all=N_ASKED * N_BATCHES,
        compared=_COMPARED,
        share=_REACHED,
        reference=N_REFERENCE,
    )
    parts = ["## Which images to ask about\n", told + "\n"]
    head = ["", "draws", *(f"{n} labels" for n in SHOWN), "taught", "recall", "found"]
    head += ["over random", "random wins", "labels to reach"]
    for variant in VARIANTS:
        for inspector in INSPECTORS:
            found = [r for r in runs if (r["variant"], r["inspector"]) == (variant, inspector)]
            if found:
                title = f"### `{variant}`, inspector {inspector}: {', '.join(_by_set(found))}\n"
                parts += [title, table(head, list(_rows(found))), *_reference(found)]
    return "\n".join(parts)


def _rows(runs: Sequence[Run]) -> Iterator[list[str]]:
    for row in ROWS:
        found = [run for run in runs if run["row"] == row]
        if not found or row == REFERENCE_ROW:
            continue
        sets = _by_set(found)
        cells = [decimals(_mean_at(sets, n, "image_ap")) for n in SHOWN]
        taught = mean(mean(_last(r)["taught"]["image_ap"] for r in s) for s in sets.values())
        decided = (decimals(_mean_at(sets, SHOWN[-1], key)) for key in ("recall", "false_rejects"))
        share = mean(mean(_last(r)["n_found"] / r["n_hidden"] for r in s) for s in sets.values())
        gains = {name: _gain(part, runs) for name, part in sets.items()}
        known = [gain for gain in gains.values() if gain is not None]
        over = f"{mean(known):+.3f}" if known and row != _RANDOM else ""
        lost = [name for name, gain in gains.items() if gain is not None and gain < 0]
        needed = [n for part in sets.values() for n in _labels_to_reach(part, runs)]
        yield [
            row, str(len(found)), *cells, decimals(taught), " / ".join(decided), f"{share:.2f}", over,
            ", ".join(lost), f"{mean(needed):.0f}" if needed else "",
        ]  # fmt: skip


def _reference(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a line on what as many random answers bring as there are of the reference."""
    sets = _by_set([run for run in runs if run["row"] == REFERENCE_ROW])
    if sets:
        ap, *decided = (
            decimals(_mean_at(sets, N_REFERENCE, key))
            for key in ("image_ap", "recall", "false_rejects")
        )
        yield f"{N_REFERENCE} random answers at once: AP {ap}, recall {' / '.join(decided)}.\n"


def _labels_to_reach(found: Sequence[Run], runs: Sequence[Run]) -> Iterator[int]:
    """Yield how many labels runs of one set need for most of what the reference gains on the same draw."""
    by_draw = _by_draw(runs, REFERENCE_ROW)
    for run in found:
        reference = by_draw.get((run["data_set"], run["seed"]))
        if reference is None:
            continue
        start, end = (_taught_ap(step) for step in (reference["steps"][0], reference["steps"][-1]))
        if end > start:
            goal = start + _REACHED * (end - start)
            there = (step["n_labels"] for step in run["steps"] if _taught_ap(step) >= goal)
            yield next(there, N_ASKED * N_BATCHES)


def _taught_ap(step: Run) -> float:
    found: float = step["taught"]["image_ap"]
    return found


def _by_draw(runs: Sequence[Run], row: str) -> dict[tuple[str, int], Run]:
    return {(r["data_set"], r["seed"]): r for r in runs if r["row"] == row}


def _by_set(runs: Sequence[Run]) -> dict[str, list[Run]]:
    by_set = {name: [run for run in runs if run["data_set"] == name] for name in SETS}
    return {name: found for name, found in by_set.items() if found}


def _step(run: Run, n_labels: int) -> Run:
    """Return what was found after so many labels, or as many as there were to give."""
    found: Run = max(
        (step for step in run["steps"] if step["n_labels"] <= n_labels),
        key=lambda step: step["n_labels"],
    )
    return found


def _last(run: Run) -> Run:
    return _step(run, SHOWN[-1])


def _mean_at(sets: Mapping[str, Sequence[Run]], n_labels: int, key: str) -> float:
    return mean(mean(_step(run, n_labels)[key] for run in found) for found in sets.values())


def _gain(found: Sequence[Run], runs: Sequence[Run]) -> float | None:
    """Return the mean AP of runs of one set above random's of the same draws; None without any."""
    by_draw = _by_draw(runs, _RANDOM)
    pairs = [(run, by_draw.get((run["data_set"], run["seed"]))) for run in found]
    gains = [
        _step(run, _COMPARED)["image_ap"] - _step(other, _COMPARED)["image_ap"]
        for run, other in pairs
        if other is not None
    ]
    return mean(gains) if gains else None
