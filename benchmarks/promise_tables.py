"""Whether the promise holds on new groups, as Markdown."""

from collections.abc import Iterator, Sequence
from statistics import mean

from benchmarks.markdown import share, table
from benchmarks.promise import SIGNIFICANCE, SIMULATED
from benchmarks.result_files import Run

_NOTE = (
    "Good images are split by groups (tiles, blocks of solar cells, places on ball screws, scenes of lenses; "
    "each fabric strip by itself): two thirds are fitted on, rejects counted on the others. The fit is given "
    "the groups, finds what it can, or counts images. A split contradicts the promise where a test does "
    "(p < 5 %): on images as if they were independent, and on groups. A promise at 95 % confidence may be "
    "contradicted in about 5 % of the splits. Where good images, or groups of them, are too few, `fit` says "
    "that its threshold falls short of the promise or is an estimate: the last column counts the splits in "
    "which something is promised."
)
_SIMULATED_NOTE = (
    "Simulated scores, 70 % of whose variance pictures of one part share: how often the true rate is beyond "
    "the promise, by a threshold that is told the groups, and by one that counts pictures."
)

_FOUND_NOTE = (
    "From thumbnails, as `fit` and `inspect` do it. True groups are tiles under several lamps (by backbone "
    "features, which the search does not use), blocks of 64 solar cells in file order, places on ball "
    "screws, scenes of lenses, strips of fabric; each garment of Fashion-MNIST is by itself. Pairs: of "
    "images that one group joins. Pictures photographed again are turned, shifted, under other light and "
    "with noise; there only the pair that was made is counted."
)


def promise(runs: Sequence[Run]) -> str:
    """Return two tables; the same runs give the same text."""
    parts = ["## P5 The promised false-reject rate\n"]
    if not runs:
        return "\n".join([*parts, "Not measured yet.\n"])
    real = [run for run in runs if run["row"] != SIMULATED]
    drawn = [run for run in runs if run["row"] == SIMULATED]
    if real:
        head = [
            "", "good images", "groups", "promised", "rejected, mean", "worst split",
            "contradicted by images", "by groups", "promised in",
        ]  # fmt: skip
        parts += [f"{_NOTE}\n", table(head, list(_rows(real)))]
    if drawn:
        parts += [f"{_SIMULATED_NOTE}\n", _simulated(drawn)]
    return "\n".join(parts)


def _rows(runs: Sequence[Run]) -> Iterator[list[str]]:
    keys = ("row", "data_set", "way")
    for key in sorted(dict.fromkeys(tuple(run[k] for k in keys) for run in runs)):
        found = [run for run in runs if tuple(run[k] for k in keys) == key]
        for rate in found[0]["promises"]:
            told = [(run["promises"][rate], run["n_good"]) for run in found]
            shares = [one["rejects"] / n for one, n in told]
            yield [
                *(f"`{key[0]}`", key[1], key[2]), f"{float(rate):.0%}", f"{mean(shares):.2%}",
                f"{max(shares):.2%}",
                *(
                    f"{mean(one[test] < SIGNIFICANCE for one, _ in told):.0%} of {len(told)}"
                    for test in ("p_images", "p_groups")
                ),
                str(sum(one["basis"] == "promised" for one, _ in told)),
            ]  # fmt: skip


def _simulated(runs: Sequence[Run]) -> str:
    rates = list(runs[0]["promises"])
    head = [
        "pictures a part",
        *(f"{float(r):.0%}, {way}" for r in rates for way in ("groups", "pictures")),
    ]
    rows = [
        [run["data_set"]]
        + [f"{run['promises'][r][way]:.1%}" for r in rates for way in ("given", "none")]
        for run in sorted(runs, key=lambda run: int(run["data_set"]))
    ]
    return table(head, rows)


def found_groups(runs: Sequence[Run]) -> str:
    """Return a table; the same runs give the same text."""
    head = [
        "good images",
        "images",
        "true groups",
        "found groups",
        "pairs that are right",
        "pairs found",
    ]
    rows = [
        [
            run["data_set"] + (", a third photographed again" if run["part"] == "simulated" else ""),
            str(run["n"]), str(run.get("n_true_groups", run["n"] - run.get("n_pairs", 0))),
            str(run["n_groups"]), share(run.get("precision")), share(run["recall"]),
        ]
        for run in runs
    ]  # fmt: skip
    return "\n".join(["## Groups nobody wrote down\n", f"{_FOUND_NOTE}\n", table(head, rows)])
