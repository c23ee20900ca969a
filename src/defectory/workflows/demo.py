"""The demo: a detector fitted and judged on real solar-cell pictures (ELPV), as PyPI carries them."""

import importlib.util
from pathlib import Path

import numpy as np

from defectory.domain import Label, MissingExtraError, NoProgress, Progress
from defectory.reports.html import render_report
from defectory.sources import Dataset, Sample
from defectory.sources.manifest_writing import write_rows
from defectory.storage import OutputFolder, check_outputs, write_outputs
from defectory.workflows.evaluation.bundles import write_figures, write_page
from defectory.workflows.evaluation.evaluate import evaluate
from defectory.workflows.evaluation.report import build_report
from defectory.workflows.evaluation.results import Evaluation
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions, FitResult
from defectory.workflows.fitting.save import save_fit

DOUBTFUL = "doubtful.csv"
"""In the folder of the demo: cells for a person to label."""
_TRAIN_SHARE = 0.75
_SEED = 42


def run_demo(
    folder: Path,
    options: FitOptions,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[FitResult, Evaluation]:
    """Fit and judge a detector on ELPV; write bundle, figures, report and a list to review into a folder."""
    progress = progress or NoProgress()
    dataset, doubtful = read_elpv(), read_doubtful()
    outputs = [OutputFolder(folder, "demo")]
    check_outputs(outputs, inputs=[dataset.root], overwrite=overwrite, say=progress.say)
    result = fit_dataset(dataset, options, progress=progress)
    evaluation = evaluate(result.model, dataset, progress=progress)
    content = build_report(
        result.model, evaluation, title="Solar cells (ELPV)", command="defectory demo"
    )
    with write_outputs(outputs, overwrite=overwrite) as (part,):
        save_fit(result, part / "solar-cells.defectory")
        write_figures(evaluation, part / "figures.json")
        write_page(render_report(content), part / "report.html")
        write_rows(doubtful.samples, part / DOUBTFUL, folder.absolute() / DOUBTFUL)
    return result, evaluation


def read_elpv() -> Dataset:
    """Return ELPV with a train split of good cells and a test split of good and defective ones.

    Cells that experts called certainly good (probability 0) are normal, certainly defective (1) anomalous;
    the doubtful ones are left out. 75 % of the good cells, drawn at random, are for training.

    Raises
    ------
    MissingExtraError : the extra `demo` is not installed.
    """
    root, rows = _read_rows()
    good = [row for row in rows if float(row[1]) == 0.0]
    train = set(
        np.random.default_rng(_SEED)
        .permutation(len(good))[: int(_TRAIN_SHARE * len(good))]
        .tolist()
    )
    samples = [
        _sample(root, name, Label.NORMAL, "train" if i in train else "test", None)
        for i, (name, *_) in enumerate(good)
    ]
    samples += [
        _sample(root, name, Label.ANOMALOUS, "test", kind)
        for name, probability, kind in rows
        if float(probability) == 1.0
    ]
    return Dataset(root, "elpv", tuple(samples))


def read_doubtful() -> Dataset:
    """Return, without labels, the cells of ELPV that experts were not sure of; see `read_elpv`."""
    root, rows = _read_rows()
    doubtful = [name for name, probability, _ in rows if float(probability) not in (0.0, 1.0)]
    samples = [_sample(root, name, Label.UNLABELED, "", None) for name in doubtful]
    return Dataset(root, "elpv", tuple(samples))


def _read_rows() -> tuple[Path, list[list[str]]]:
    """Return where the pictures are, and of each: name, probability of a defect, kind of cell."""
    spec = importlib.util.find_spec("elpv_dataset")
    if spec is None or spec.origin is None:
        raise MissingExtraError("the demo", "demo")
    root = Path(spec.origin).parent / "data"
    lines = (root / "labels.csv").read_text().splitlines()
    return root, [line.split() for line in lines if line.strip()]


def _sample(root: Path, name: str, label: Label, split: str, kind: str | None) -> Sample:
    return Sample(root / name, label, None, split, None, kind, name)
