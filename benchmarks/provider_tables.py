"""One bundle in two runtimes, as Markdown."""

from collections.abc import Sequence
from typing import Any

from benchmarks.markdown import table
from benchmarks.providers import PROVIDERS
from benchmarks.result_files import Run

_NAMES = {"cpu": "ONNX Runtime", "openvino": "OpenVINO"}
_COST_NOTE = (
    "The command line in fresh processes, weights converted before, no features cached: a fit with each "
    "provider, and the same bundle scored with each, in turns; images a second without start-up, medians "
    "of three."
)
_DIFFERENCE_NOTE = (
    "On the whole test: the largest difference of a score and of a map value, as a share of the largest, and "
    "decisions that differ at the threshold. First the same bundle scored with OpenVINO; then a fit with "
    "OpenVINO beside one with ONNX Runtime, each with its own threshold."
)


def providers(runs: Sequence[Run]) -> str:
    """Return two tables; the same runs give the same text."""
    other = PROVIDERS[1]
    costs = [
        [
            f"{run['row']}, {run['data_set']}", _NAMES[provider], f"{cost['images_a_second']:.1f}",
            f"{cost['peak_mb']:.0f} MB", f"{cost['score_one_s']:.2f} s", f"{cost['fit_s']:.1f} s",
            f"{cost['fit_peak_mb']:.0f} MB",
        ]
        for run in runs
        for provider, cost in run["costs"].items()
    ]  # fmt: skip
    differ = [
        [
            f"{run['row']}, {run['data_set']}", str(run["n_test"]),
            *_cells(run[f"scored_with_{other}"]), *_cells(run[f"fitted_with_{other}"]),
        ]
        for run in runs
    ]  # fmt: skip
    cost_head = ["", "runtime", "images/s", "memory", "one image", "fit", "memory"]
    heads = ["score", "map", "flips", "fitted: score", "map", "flips"]
    return "\n".join(
        [
            "## What runs the backbone\n",
            f"{_COST_NOTE}\n",
            table(cost_head, costs),
            f"{_DIFFERENCE_NOTE}\n",
            table(["", "images", *heads], differ),
        ]
    )


def _cells(found: dict[str, Any]) -> list[str]:
    return [f"{found['score']:.1e}", f"{found['map']:.1e}", str(found["flips"])]
