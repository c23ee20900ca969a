"""The P4 part of docs/results.md."""

from collections.abc import Sequence
from typing import Any

from defectory.detectors import find_detector

_COSTS = {
    "fit": ("fit, nothing cached, weights converted on the way", "fit <= 30 s and <= 1.2 GB"),
    "fit_again": ("fit again, features and weights cached", ""),
    "score": ("score", ""),
    "score_heatmaps": ("score, writing heatmaps", ""),
    "score_one": ("load and score one image", "<= 1.5 s"),
    "update": ("take two labels (`update`), of images seen before and new", "<= 5 s"),
    "help": ("`--help`", "<= .3 s"),
}
# Of detectors that train a network; the table's own goals are those of the main job.
_GOALS_OF_TRAINED = {"fit": "fit <= 10 min and <= 3 GB"}


def speed(results: Sequence[dict[str, Any]]) -> str:
    """Return the section: one table a detector."""
    title = "## P4 speed and memory, on 2 CPU cores\n\n"
    return title + ("\n".join(map(_one, results)) or "Not measured yet.\n")


def _one(result: dict[str, Any]) -> str:
    rows = ["| | wall | peak memory | goal |", "| --- | --- | --- | --- |"]
    is_trained = _is_trained(result)
    for key, (title, goal) in _COSTS.items():
        if key not in result["costs"]:
            continue
        cost = result["costs"][key]
        wanted = _GOALS_OF_TRAINED.get(key, "") if is_trained else goal
        rows.append(f"| {title} | {cost['wall_s']:.2f} s | {cost['peak_mb']:.0f} MB | {wanted} |")
    for grown in result["growth"]:
        costs = f"{grown['wall_s']:.1f} s | {grown['peak_mb']:.0f} MB"
        goal = "flat from 1,000" if grown["n"] > 1_000 else ""
        rows.append(f"| fit {grown['n']:,} images | {costs} | {goal} |")
    return "\n".join([_introduction(result), "", *rows, "", *_sentences(result)]) + "\n"


def _is_trained(result: dict[str, Any]) -> bool:
    return find_detector(result["detector"]).capabilities.needs_torch


def _introduction(result: dict[str, Any]) -> str:
    cores = result["bound_to_cores"]
    return (
        f"**{result['detector']}**: {result['n_fit']} images fitted, {result['n_score']} scored; each "
        f"command in a fresh process with an empty cache folder, bound to {cores} cores; load average of the "
        f"machine before: {result['load_before']:.1f}. Short commands: median of five."
    )


def _sentences(result: dict[str, Any]) -> list[str]:
    rates, goal = result["images_per_s"], 15 if _is_trained(result) else 45
    found = [
        f"Scoring: {rates['score']:.1f} images/s, {rates['score_without_start_up']:.1f} without start-up; "
        f"with heatmaps written {rates['score_heatmaps']:.1f} and "
        f"{rates['score_heatmaps_without_start_up']:.1f} (goal, with maps: >= {goal}). The bundle takes "
        f"{result['bundle_mb']:.1f} MB."
    ]
    base = result["base_install"]
    if base:
        found.append(
            f"The base install adds {base['size_mb']:.0f} MB to an empty environment and scores the bundle "
            f"without torch, onnx, scikit-learn and SciPy: one image in {base['score_one_s']:.2f} s, "
            f"{base['score_one_peak_mb']:.0f} MB."
        )
    return found
