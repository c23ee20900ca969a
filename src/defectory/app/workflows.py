"""What the product does, as functions from dataclasses to dataclasses; nothing here prints."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from defectory.app.demo import read_elpv
from defectory.app.evaluation import Evaluation, evaluate
from defectory.app.exports import ScoredImage, write_scores, write_text
from defectory.app.fitting import FitOptions, FitResult, fit_dataset, save_fit
from defectory.app.model import Model, load
from defectory.app.readable import find_unreadable, keep_readable
from defectory.app.reporting import build_report, heat_scale_of
from defectory.domain import NoProgress, Progress
from defectory.domain.scores import AnomalyMap
from defectory.reports import render_report
from defectory.sources import Inspection, format_text, inspect_dataset, read_dataset

# Images whose maps are held at once while scoring.
_CHUNK = 256


def score_images(
    model: Model,
    images: Path | str,
    *,
    skip_unreadable: bool = False,
    progress: Progress | None = None,
) -> Iterator[ScoredImage]:
    """Yield the score of every image of a file, folder or manifest; unreadable ones come last.

    Memory does not grow with the number of images.

    Raises
    ------
    DataError, ImageReadError : there are no images, or one cannot be read and skipping was not asked for.
    """
    progress = progress or NoProgress()
    dataset = read_dataset(images)
    unreadable = find_unreadable(dataset, progress) if skip_unreadable else {}
    readable = keep_readable(dataset, unreadable)
    progress.start("scoring", len(readable))
    for start in range(0, len(readable), _CHUNK):
        part = replace(readable, samples=readable.samples[start : start + _CHUNK])
        scores, decisions = model.judge(part.images(), progress=_StepsOnly(progress))
        maps: Sequence[AnomalyMap | None] = scores.anomaly_maps or [None] * len(scores)
        for sample, decision, heat in zip(part.samples, decisions, maps, strict=True):
            yield ScoredImage(sample.name, sample.path, decision, heat)
    for sample in dataset.samples:
        if sample.name in unreadable:
            yield ScoredImage(sample.name, sample.path, None, error=unreadable[sample.name])


class _StepsOnly:
    """Passes steps on but not the start of stages: the stage spans several calls."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def start(self, stage: str, total: int) -> None:
        pass

    def advance(self, steps: int = 1) -> None:
        self._progress.advance(steps)

    def note(self, text: str) -> None:
        self._progress.note(text)


@dataclass(frozen=True)
class ScoreSummary:
    """How many images `score_to_folder` scored, rejected, and could not read."""

    n_scored: int
    n_rejected: int
    n_unreadable: int


def score_to_folder(
    bundle: Path,
    images: Path,
    folder: Path,
    *,
    heatmaps: bool = False,
    file_format: str = "jsonl",
    false_reject_rate: float | None = None,
    skip_unreadable: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ScoreSummary:
    """Score images with a bundle and write the folder whole or not at all; see `write_scores`."""
    model = _load(bundle, false_reject_rate)
    counts = {"scored": 0, "rejected": 0, "unreadable": 0}

    def counted() -> Iterator[ScoredImage]:
        scored = score_images(model, images, skip_unreadable=skip_unreadable, progress=progress)
        for item in scored:
            counts["unreadable" if item.decision is None else "scored"] += 1
            counts["rejected"] += item.decision is not None and item.decision.is_anomalous
            yield item

    write_scores(
        counted(),
        folder,
        file_format=file_format,
        heat_scale=heat_scale_of(model) if heatmaps else None,
        overwrite=overwrite,
    )
    return ScoreSummary(counts["scored"], counts["rejected"], counts["unreadable"])


def evaluate_bundle(
    bundle: Path,
    data: Path,
    *,
    json_path: Path | None = None,
    report_path: Path | None = None,
    command: str = "",
    false_reject_rate: float | None = None,
    skip_unreadable: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate a bundle, and write figures and report where asked; see `evaluate`."""
    model = _load(bundle, false_reject_rate)
    evaluation = evaluate(model, data, skip_unreadable=skip_unreadable, progress=progress)
    if json_path is not None:
        write_text(json_path, json.dumps(evaluation.to_dict(), indent=1, allow_nan=False) + "\n")
    if report_path is not None:
        title = Path(data).resolve().name or "Evaluation"
        content = build_report(model, evaluation, title=title, command=command)
        write_text(report_path, render_report(content))
    return evaluation


def run_demo(
    folder: Path, options: FitOptions, *, progress: Progress | None = None
) -> tuple[FitResult, Evaluation]:
    """Fit and judge a detector on ELPV; write bundle, figures and report into a folder."""
    dataset = read_elpv()
    result = fit_dataset(dataset, options, progress=progress)
    evaluation = evaluate(result.model, dataset, progress=progress)
    save_fit(result, folder / "solar-cells.defectory")
    write_text(folder / "figures.json", json.dumps(evaluation.to_dict(), indent=1) + "\n")
    content = build_report(
        result.model, evaluation, title="Solar cells (ELPV)", command="defectory demo"
    )
    write_text(folder / "report.html", render_report(content))
    return result, evaluation


def inspect_data(data: Path | str, *, progress: Progress | None = None) -> Inspection:
    """Examine a data set before training: counts, unreadable files, copies, masks, drift."""
    return inspect_dataset(read_dataset(data), progress=progress)


def inspection_text(inspection: Inspection) -> str:
    """Return an inspection for a person to read, at most 100 columns wide."""
    return format_text(inspection)


def _load(bundle: Path, false_reject_rate: float | None) -> Model:
    model = load(bundle)
    if false_reject_rate is None:
        return model
    model = model.with_false_reject_rate(false_reject_rate)
    _ = model.threshold  # refuses a rate outside (0, 1) before work starts
    return model
