"""A bundle evaluated, its figures and report written."""

import json
from collections.abc import Iterable
from pathlib import Path

from defectory.domain import NoProgress, Progress
from defectory.reports.html import render_report
from defectory.sources import read_dataset
from defectory.storage import OutputFile, check_outputs, write_outputs
from defectory.storage.kinds import GENERATOR, GENERATOR_KEY, html_page, json_object
from defectory.workflows.calibrated import load_calibrated, refuse_swapped
from defectory.workflows.evaluation.evaluate import evaluate
from defectory.workflows.evaluation.report import build_report
from defectory.workflows.evaluation.results import Evaluation

FIGURES_FILE = json_object("figures of an evaluation")
REPORT_FILE = html_page("a report")


def evaluate_bundle(
    bundle: Path,
    data: Path,
    *,
    json_path: Path | None = None,
    report_path: Path | None = None,
    command: str = "",
    false_reject_rate: float | None = None,
    miss_rate: float | None = None,
    skip_unreadable: bool = False,
    good_words: Iterable[str] = (),
    bad_words: Iterable[str] = (),
    group_by: str | None = None,
    overwrite: bool = False,
    max_memory_bytes: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate a bundle, and write figures and report where asked, both or neither; see `evaluate`.

    Raises
    ------
    OutputError : said before the work where a file is, or lies in, what is read, or cannot be written; see
        `check_outputs`.
    """
    progress = progress or NoProgress()
    refuse_swapped(bundle, [data])
    asked = ((json_path, FIGURES_FILE), (report_path, REPORT_FILE))
    outputs = [OutputFile(path, kind) for path, kind in asked if path is not None]
    dataset = read_dataset(data, good_words=good_words, bad_words=bad_words)
    inputs = [bundle, data, *dataset.files()]
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    model = load_calibrated(bundle, false_reject_rate, miss_rate)
    evaluation = evaluate(
        model,
        dataset,
        skip_unreadable=skip_unreadable,
        group_by=group_by,
        max_memory_bytes=max_memory_bytes,
        progress=progress,
    )
    with write_outputs(outputs, overwrite=overwrite) as parts:
        for output, part in zip(outputs, parts, strict=True):
            if output.kind is FIGURES_FILE:
                write_figures(evaluation, part)
            else:
                title = data.resolve().name or "Evaluation"
                content = build_report(model, evaluation, title=title, command=command)
                write_page(render_report(content), part)
    return evaluation


def write_figures(evaluation: Evaluation, part: Path) -> None:
    """Write the figures as JSON into a file of a transaction."""
    figures = {GENERATOR_KEY: GENERATOR, **evaluation.to_dict()}
    part.write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def write_page(page: str, part: Path) -> None:
    """Write a page of HTML into a file of a transaction."""
    part.write_text(page, encoding="utf-8", newline="\n")
