"""MAPL, MemSeg and the ablation, as Markdown."""

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

Result = dict[str, Any]

_FIGURES = {
    "image_auroc": "image AUROC", "pixel_auroc": "pixel AUROC", "aupro": "AUPRO",
    "recall_at_1pct": "recall at 1 % FRR", "fit_s": "fit, s", "images_a_second": "images/s",
}  # fmt: skip
_NOTE = (
    "Fitted on the 761 normals of P1. `noisy`: every image, train and test, gets Gaussian noise of standard "
    "deviation 16 grey levels. Mean ± standard deviation over seeds, their number behind the name. The rows "
    "from `head alone` on are the head's own figures, without the evidence of `gaussian`, and each changes "
    "one part of it; encoders from scratch know no ImageNet and are compared with nothing else."
)


def mapl(results: Sequence[Result]) -> str:
    """Return one table a variant; the same results give the same text."""
    runs = [run for result in results for run in result["runs"]]
    parts = ["## MAPL and MemSeg\n"]
    if not runs:
        return "\n".join([*parts, "Not measured yet.\n"])
    parts.append(f"{_NOTE}\n")
    for variant in ("clean", "noisy"):
        chosen = [run for run in runs if run["variant"] == variant]
        rows = dict.fromkeys(run["row"] for run in chosen)
        lines = [[f"P1 `{variant}`", *_FIGURES.values()], ["---"] * (len(_FIGURES) + 1)]
        for row in rows:
            figures = [run["figures"] for run in chosen if run["row"] == row]
            # runs side by side have no timings
            cells = [_cell(key, [f[key] for f in figures if key in f]) for key in _FIGURES]
            lines.append([f"{row} ({len(figures)})", *cells])
        if rows:
            parts.append("".join(f"| {' | '.join(line)} |\n" for line in lines))
    return "\n".join(parts)


def _cell(key: str, values: Sequence[float]) -> str:
    if not values:
        return ""
    digits = 0 if key in ("fit_s", "images_a_second") else 3
    shown = f"{mean(values):.{digits}f}"
    if len(values) > 1:
        shown += f" ± {stdev(values):.{digits}f}"
    return shown.replace("0.", ".", 1) if digits and shown.startswith("0.") else shown
