"""Outliers on disk: a ranked list, a summary, and a page."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from defectory import __version__
from defectory.domain import NoProgress, Progress
from defectory.domain.scores import finite_or_none
from defectory.reports.outlier_page import render_outliers
from defectory.storage import OutputFolder, check_outputs, readable_name, write_outputs
from defectory.workflows.outliers.collection import collection_files
from defectory.workflows.outliers.find import find_outliers
from defectory.workflows.outliers.page_content import build_outlier_content
from defectory.workflows.outliers.results import OutlierOptions, Outliers


def outliers_to_folder(
    data: Path,
    folder: Path,
    options: OutlierOptions,
    *,
    overwrite: bool = False,
    read_ahead: Callable[[], None] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Find the outliers of a collection, write the folder, and return the summary.

    Parameters
    ----------
    read_ahead : fills the cache, when it is known that the folder may be written
    """
    progress = progress or NoProgress()
    outputs = [OutputFolder(folder, "outliers")]
    inputs = collection_files(data)
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    if read_ahead is not None:
        read_ahead()
    outliers = find_outliers(data, options, progress=progress)
    write_outliers(outliers, folder, overwrite=overwrite)
    return summarize(outliers)


def write_outliers(outliers: Outliers, folder: Path, *, overwrite: bool = False) -> None:
    """Write outliers.jsonl, outliers.csv, summary.json and outliers.html; the folder whole or not at all."""
    rows = list(_rows(outliers))
    with write_outputs([OutputFolder(folder, "outliers")], overwrite=overwrite) as (part,):
        lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
        (part / "outliers.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
        with (part / "outliers.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        summary = json.dumps(summarize(outliers), indent=1, allow_nan=False)
        (part / "summary.json").write_text(summary + "\n", encoding="utf-8")
        page = render_outliers(build_outlier_content(outliers))
        (part / "outliers.html").write_text(page, encoding="utf-8")


def summarize(outliers: Outliers) -> dict[str, Any]:
    """Return what was found and how, JSON-ready; "cut" is None where no score is high enough to be listed."""
    detector, listed = outliers.detector, outliers.listed
    n = len(outliers.scores)
    return {
        "n_images": n,
        "n_outliers": len(listed),
        "outlier_ratio": len(listed) / n,
        "ratio_from": outliers.explain_ratio(),
        "cut": finite_or_none(outliers.estimate.cut),
        "n_images_of_slot": np.bincount(
            outliers.slots, minlength=detector.n_slots + 1
        )[1:].tolist(),
        "n_images_of_group": np.bincount(outliers.groups[listed])[1:].tolist() if len(listed) else [],
        "augmentation": detector.augmentation_,
        "weights": detector.backbone_.card.id,
        "config": detector.config(),
        "defectory_version": __version__,
        "wall_s": round(outliers.wall_s, 1),
        "notes": list(outliers.collection.notes),
    }  # fmt: skip


def _rows(outliers: Outliers) -> Iterator[dict[str, Any]]:
    for rank, i in enumerate(outliers.order, start=1):
        group = int(outliers.groups[i])
        yield {
            "rank": rank,
            "image": readable_name(outliers.collection.names[i]),
            "score": float(f"{outliers.scores[i]:.6g}"),
            "is_outlier": group > 0,
            "group": group or None,
            "slot": int(outliers.slots[i]),
        }
