"""The demo's data: real solar-cell pictures from the ELPV data set, as PyPI carries them."""

import importlib.util
from pathlib import Path

import numpy as np

from defectory.domain import Label, MissingExtraError
from defectory.sources import Dataset, Sample

_TRAIN_SHARE = 0.75
_SEED = 42


def read_elpv() -> Dataset:
    """Return ELPV with a train split of good cells and a test split of good and defective ones.

    Cells that experts called certainly good (probability 0) are normal, certainly defective (1) anomalous;
    the doubtful ones are left out. 75 % of the good cells, drawn at random, are for training.

    Raises
    ------
    MissingExtraError : the extra `demo` is not installed.
    """
    spec = importlib.util.find_spec("elpv_dataset")
    if spec is None or spec.origin is None:
        raise MissingExtraError("the demo", "demo")
    root = Path(spec.origin).parent / "data"
    rows = [line.split() for line in (root / "labels.csv").read_text().splitlines() if line.strip()]
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


def _sample(root: Path, name: str, label: Label, split: str, kind: str | None) -> Sample:
    return Sample(root / name, label, None, split, None, kind, name)
