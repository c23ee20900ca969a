"""Where the benchmark data lie, and how they are split."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.result_files import MissingDataError
from defectory.domain import Label
from defectory.sources import Dataset, read_dataset

ROOT = Path(__file__).resolve().parents[1]
BLOCK_CELLS = 64
"""Consecutive solar cells that count as neighbors."""

_TEST_SHARE = 0.25
_RANDOM_STATE = 42

Indices = NDArray[np.intp]


def shared_data() -> Path:
    """Return the folder of the data that may not be committed."""
    stated = os.environ.get("DEFECTORY_SHARED_DATA")
    return Path(stated) if stated else ROOT.parent / "shared" / "data"


def magnetic_tile_folder() -> Path:
    folder = shared_data() / "magnetic-tile"
    if not folder.is_dir():
        raise MissingDataError(
            "magnetic-tile is not in ../shared/data; set DEFECTORY_SHARED_DATA to its parent folder"
        )
    return folder


def magnetic_tile() -> Dataset:
    """Return P1: 761 train/good, 191 test/good, 392 test defects of five types with masks."""
    return read_dataset(magnetic_tile_folder(), layout="mvtec")


@dataclass(frozen=True)
class SolarCells:
    """ELPV in the order of its labels.csv, all 2,624 cells.

    Attributes
    ----------
    paths : n image files
    probabilities : (n,) float64, of being defective: 0, 1/3, 2/3 or 1
    """

    paths: tuple[Path, ...]
    probabilities: NDArray[np.float64]

    @property
    def normal(self) -> Indices:
        """Cells of probability 0."""
        return np.flatnonzero(self.probabilities == 0)

    @property
    def anomalous(self) -> Indices:
        """Cells of probability 1; those in between are dropped."""
        return np.flatnonzero(self.probabilities == 1)

    def fingerprint(self) -> str:
        """Return a SHA-256 over names, labels and content."""
        digest = hashlib.sha256()
        for path, probability in zip(self.paths, self.probabilities, strict=True):
            digest.update(f"{path.name} {probability:.3f}".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def solar_cells() -> SolarCells:
    try:
        import elpv_dataset
    except ImportError as error:
        raise MissingDataError('run  pip install "defectory[demo]"  for the ELPV images') from error
    folder = Path(str(elpv_dataset.__file__)).parent / "data"
    rows = [line.split() for line in (folder / "labels.csv").read_text().splitlines() if line]
    paths = tuple(folder / row[0] for row in rows)
    return SolarCells(paths, np.array([float(row[1]) for row in rows]))


@dataclass(frozen=True)
class Split:
    """Cells to fit on, and cells to test on with their labels (0 normal, 1 anomalous)."""

    train: Indices
    test: Indices
    labels: NDArray[np.int8]


def random_split(cells: SolarCells) -> Split:
    """Return the split of the protocol: 1,131 normals to fit on; 377 and all anomalies to test on."""
    train, held_out = _hold_out(cells.normal, _RANDOM_STATE)
    return _joined(train, held_out, cells.anomalous)


def block_split(cells: SolarCells, seed: int) -> Split:
    """Return a split in which no block of neighbors lies on both sides.

    Cell i of labels.csv is of block i // 64, dropped cells counted too, which makes 41 blocks. A quarter of
    the blocks (11) is held out by `train_test_split(random_state=42 + seed)`. Fitted are the normals of the
    other 30; tested are the normals and the anomalies of the 11, never anomalies of the 30: those share
    modules with what was fitted.
    """
    block = blocks(len(cells.paths))
    _, held_out = _hold_out(np.unique(block), _RANDOM_STATE + seed)
    is_test = np.isin(block, held_out)
    normal, anomalous = cells.normal, cells.anomalous
    return _joined(normal[~is_test[normal]], normal[is_test[normal]], anomalous[is_test[anomalous]])


def of_label(data: Dataset, label: Label) -> Dataset:
    """Return the images that carry one label."""
    return data.filter(lambda sample: sample.label == label)


def blocks(n_cells: int) -> Indices:
    """Return (n,) block numbers of consecutive cells; the last block may be shorter."""
    return np.arange(n_cells) // BLOCK_CELLS


def thinned(indices: Sequence[int] | Indices, n: int | None) -> Indices:
    """Return at most n of the indices, evenly spaced: a smoke run sees all kinds of images."""
    chosen = np.asarray(indices)
    if n is None or len(chosen) <= n:
        return chosen
    return np.asarray(chosen[np.linspace(0, len(chosen) - 1, n).astype(np.intp)])


def _hold_out(items: Indices, random_state: int) -> tuple[Indices, Indices]:
    """Return three quarters and one quarter; scikit-learn's shuffle is part of the protocol."""
    from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]

    kept, held_out = train_test_split(items, test_size=_TEST_SHARE, random_state=random_state)
    return kept, held_out


def _joined(train: Indices, normal: Indices, anomalous: Indices) -> Split:
    labels = np.repeat(np.array([0, 1], np.int8), [len(normal), len(anomalous)])
    return Split(np.asarray(train), np.concatenate([normal, anomalous]), labels)
