"""MAPL, MemSeg and the ablation, as Markdown."""

import re
from collections.abc import Sequence
from statistics import mean, stdev

from benchmarks.mapl import REFERENCE, ROWS
from benchmarks.mapl_plots import NAME, title_of, variants_of
from benchmarks.result_files import Run

_FIGURES = {
    "image_auroc": "image AUROC", "pixel_auroc": "pixel AUROC", "aupro": "AUPRO",
    "recall_at_1pct": "recall at 1 % FRR", "fit_s": "fit, s", "images_a_second": "images/s",
}  # fmt: skip
_DRAWN = "image AUROC, pixel AUROC and AUPRO of each seed, row by row"
_NOTE = (
    "P1 `clean` is fitted on the 761 normals; `noisy` is the same with Gaussian noise of standard deviation "
    "16 gray levels on every image, train and test; P2 `clean` is the random split; others are draws of [few "
    "labels](#few-labels). Mean ± standard deviation over seeds, their number behind the name. The rows "
    "from `head alone` on are the head's own figures, without the evidence of `auto`. Those below "
    f"`{REFERENCE}`, the default when they were run, differ from it by one part; encoders from scratch "
    "know no ImageNet and are compared with nothing else."
)


def mapl(runs: Sequence[Run]) -> str:
    """Return one table a variant; the same runs give the same text."""
    parts = ["## MAPL and MemSeg\n"]
    if not runs:
        return "\n".join([*parts, "Not measured yet.\n"])
    parts.append(f"{_NOTE}\n")
    for variant in variants_of(runs):
        chosen = [run for run in runs if run["variant"] == variant]
        # runs side by side have no timings
        keys = [key for key in _FIGURES if any(key in run["figures"] for run in chosen)]
        lines = [[title_of(variant), *(_FIGURES[key] for key in keys)], ["---"] * (len(keys) + 1)]
        for row in sorted({run["row"] for run in chosen}, key=list(ROWS).index):
            figures = [run["figures"] for run in chosen if run["row"] == row]
            cells = [_cell(key, [f[key] for f in figures if key in f]) for key in keys]
            lines.append([f"{row} ({len(figures)})", *cells])
        if chosen:
            parts.append("".join(f"| {' | '.join(line)} |\n" for line in lines))
    parts.append(f"![{_DRAWN}](figures/{NAME})\n")
    return "\n".join(parts)


def _cell(key: str, values: Sequence[float]) -> str:
    if not values:
        return ""
    digits = 0 if key in ("fit_s", "images_a_second") else 3
    shown = f"{mean(values):.{digits}f}"
    if len(values) > 1:
        shown += f" ± {stdev(values):.{digits}f}"
    return re.sub(r"\b0\.", ".", shown)
