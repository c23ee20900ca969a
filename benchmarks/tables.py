"""docs/results.md from benchmarks/results/*.json, with the goals and what others reach beside our figures."""

from collections.abc import Sequence
from typing import Any

from benchmarks.label_tables import labels
from benchmarks.mapl_tables import mapl
from benchmarks.markdown import table
from benchmarks.outlier_tables import outliers
from benchmarks.p3_runs import merge
from benchmarks.pseudo_label_tables import pseudo_labels
from benchmarks.sibling_tables import siblings
from benchmarks.speed_tables import speed

Result = dict[str, Any]

_HEADER = """# Measured results

Written by `python -m benchmarks tables` from `benchmarks/results/*.json`; do not edit. The protocols are
described in `benchmarks/`.

P1 and P2 are development sets: designs were chosen by their figures, over both together. One default
configuration serves all data sets. Test labels touch nothing but the metrics. Backbone weights are pretrained
on ImageNet throughout.

How to read a cell: **full fit**, then in brackets mean ± standard deviation over fits on random 90 % of the
normals, one a seed. A detector marked *deterministic* gives the same scores for every seed, so its
full fit has no spread; for the others the full fit is mean ± standard deviation over seeds.
"""

_P1_FIGURES = {
    "image_auroc": "image AUROC", "image_ap": "image AP", "pixel_auroc": "pixel AUROC",
    "aupro": "AUPRO", "recall_at_1pct": "recall at 1 % FRR",
    "observed_false_reject_rate": "observed FRR, 1 % promised",
}  # fmt: skip
_P1_PEERS = (
    ("PatchCore paper, WideResNet50", ".979", "", ""),
    ("DifferNet paper", ".977", "", ""),
    ("anomalib 2.7 PaDiM, EfficientNet-Lite0, 256 px (3 runs)", ".945-.954", "", ".756-.766"),
    ("anomalib 2.7 PatchCore, same, coreset .1 %", ".903-.918", "", ".769"),
)
_P1_GOALS = ("goal", ">= .985", "", ">= .92", ">= .85", "", "<= .01")
_P2_FIGURES = {
    "image_auroc": "image AUROC", "image_ap": "image AP", "recall_at_1pct": "recall at 1 % FRR",
    "observed_false_reject_rate": "observed FRR, 1 % promised",
}  # fmt: skip


def render(results: Sequence[Result]) -> str:
    """Return the page; the same results give the same text. Smoke runs are left out."""
    whole = merge([result for result in results if "n_images" not in result])
    by_protocol = {
        name: [result for result in whole if result["protocol"] == name]
        for name in (
            "p1-clean",
            "p2-clean",
            "promise",
            "p3",
            "p4",
            "pseudo-labels",
            "mapl",
            "labels",
            "siblings",
        )
    }
    parts = [
        _HEADER,
        _p1(by_protocol["p1-clean"]),
        _p2(by_protocol["p2-clean"]),
        _promise(by_protocol["promise"]),
        mapl(by_protocol["mapl"]),
        labels(by_protocol["labels"]),
        siblings(by_protocol["siblings"]),
        outliers(by_protocol["p3"]),
        speed(by_protocol["p4"]),
        pseudo_labels(by_protocol["pseudo-labels"]),
        _provenance(whole),
    ]
    return "\n".join(parts)


def _p1(results: Sequence[Result]) -> str:
    head = ["", *_P1_FIGURES.values()]
    rows = [[_name(result), *(_cell(result, key) for key in _P1_FIGURES)] for result in results]
    rows.append(list(_P1_GOALS))
    rows += [_filled(peer, len(head)) for peer in _P1_PEERS]
    types = sorted({key for r in results for key in r["full"][0] if key.startswith("auroc_")})
    text = _section("P1 magnetic tile, `clean`", table(head, rows))
    if types:
        type_rows = [[_name(r), *(_cell(r, key) for key in types)] for r in results]
        heads = ["image AUROC", *(key.removeprefix("auroc_") for key in types)]
        text += f"\nEach defect type against all normal test images:\n\n{table(heads, type_rows)}"
    return text


def _p2(results: Sequence[Result]) -> str:
    head = ["random split", *_P2_FIGURES.values()]
    rows = [[_name(result), *(_cell(result, key) for key in _P2_FIGURES)] for result in results]
    rows.append(_filled(("goal", ">= .92"), len(head)))
    blocks = [
        [_name(r), *(spread([run[key] for run in r["blocks"]]) for key in _P2_FIGURES)]
        for r in results
    ]
    note = (
        "Neighboring cells come from one module and resemble each other, so the random split flatters. By "
        "blocks of 64 consecutive cells (a quarter of the blocks held out, mean ± standard deviation "
        "over splits; normals and anomalies tested are of the held-out blocks only):"
    )
    blocks_table = table(["blocks", *_P2_FIGURES.values()], blocks)
    return _section("P2 solar cells, `clean`", f"{table(head, rows)}\n{note}\n\n{blocks_table}")


def _promise(results: Sequence[Result]) -> str:
    head = ["", "good images", "promised", "observed, mean", "worst split", "splits contradicting"]
    rows = [
        [
            _name(result), name, f"{found['promised']:.0%}", f"{found['observed_mean']:.2%}",
            f"{found['observed_max']:.2%}",
            f"{found['contradicted_share']:.0%} of {found['n_splits']}",
        ]
        for result in results
        for name, data in result["data_sets"].items()
        for found in data["rates"]
    ]  # fmt: skip
    note = (
        "Fitted on two thirds of the good images, rejects counted on the others. A split contradicts the "
        "promise where a binomial test does (p < 5 %); a promise at 95 % confidence may be contradicted in "
        "about 5 % of the splits. `solar-cells-blocks` counts on whole blocks the model has seen no neighbor "
        "of: the images are then not drawn like those fitted on, and the promise does not cover them."
    )
    return _section("The promised false-reject rate", f"{note}\n\n{table(head, rows)}")


def _provenance(results: Sequence[Result]) -> str:
    lines: list[str] = []
    # a file to which runs are added has a provenance a run
    made = [run for result in results for run in result.get("runs", [result])]
    for facts in _merged([result["provenance"] for result in made]):
        machine, versions = facts["machine"], facts["versions"]
        where = f"{machine['cores']} cores of {machine['cpu']}"
        where += f" and {machine['gpu']}" if "gpu" in machine else ""
        numbers = ", ".join(f"{name} {number}" for name, number in versions.items())
        lines.append(
            f"- `{facts['command']}`: seeds {facts['seeds'][0]}-{facts['seeds'][-1]}, data "
            f"`{facts['data']}`, weights `{facts['weights']}`, commit `{facts['commit']}`, {facts['date']}, "
            f"{where}; {numbers}"
        )
    return _section("What made these figures", "\n".join(lines) + "\n" if lines else "")


def _merged(every: Sequence[Result]) -> list[Result]:
    """Return provenances of runs that differ in their seeds only as one, with all seeds."""
    merged: dict[str, Result] = {}
    for facts in every:
        same = str(sorted((key, str(fact)) for key, fact in facts.items() if key != "seeds"))
        seeds = [*merged.get(same, facts)["seeds"], *facts["seeds"]]
        merged[same] = {**facts, "seeds": sorted(set(seeds))}
    return list(merged.values())


def _name(result: Result) -> str:
    return f"**{result['detector']}**" + (
        " (deterministic)" if result.get("is_deterministic") else ""
    )


def _cell(result: Result, key: str) -> str:
    full = [run.get(key) for run in result["full"]]
    subsets = [run.get(key) for run in result["subsets"]]
    shown = spread(full)
    return f"{shown} ({spread(subsets)})" if shown and subsets else shown


def spread(values: Sequence[float | None]) -> str:
    """Return `mean ± sd` of several values, the value alone of one, nothing where one is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return ""
    mean = sum(known) / len(known)
    if len(known) == 1:
        return f"{mean:.3f}"
    variance = sum((value - mean) ** 2 for value in known) / (len(known) - 1)
    return f"{mean:.3f} ± {variance**0.5:.3f}"


def _filled(row: Sequence[str], n: int) -> list[str]:
    return [*row, *[""] * (n - len(row))]


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"
