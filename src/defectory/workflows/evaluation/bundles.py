"""A bundle evaluated, its figures and report written."""

import json
from pathlib import Path

from defectory.domain import Progress
from defectory.reports import render_report
from defectory.workflows.calibrated import load_calibrated
from defectory.workflows.evaluation.evaluate import evaluate
from defectory.workflows.evaluation.report import build_report
from defectory.workflows.evaluation.results import Evaluation
from defectory.workflows.scoring.exports import write_text


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
    model = load_calibrated(bundle, false_reject_rate)
    evaluation = evaluate(model, data, skip_unreadable=skip_unreadable, progress=progress)
    if json_path is not None:
        write_text(json_path, json.dumps(evaluation.to_dict(), indent=1, allow_nan=False) + "\n")
    if report_path is not None:
        title = Path(data).resolve().name or "Evaluation"
        content = build_report(model, evaluation, title=title, command=command)
        write_text(report_path, render_report(content))
    return evaluation
