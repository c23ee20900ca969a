"""The collections of P3: what belongs, with outliers mixed in that nobody has marked."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import MissingDataError, magnetic_tile, shared_data, solar_cells
from defectory.domain import ImageSource, Label
from defectory.sources import FileImages
from defectory.sources.idx import IdxImages, read_idx

CLASS_NAMES = (
    "T-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip


@dataclass(frozen=True)
class Material:
    """What collections of a data set are drawn from.

    Attributes
    ----------
    names : of what belongs in turn: ten classes, or the one product that is sound in code 0
    codes : (n,) uint8 kind of each image; outliers of a collection are of the other codes
    select : returns the images at indices
    fingerprint : of the data set
    """

    names: tuple[str, ...]
    codes: NDArray[np.uint8]
    select: Callable[[Sequence[int]], ImageSource]
    fingerprint: str


def read_material(data: str) -> Material:
    """Return one of `DATA`; MissingDataError where it is not on this machine."""
    return DATA[data]()


def draw_collection(
    codes: NDArray[np.uint8],
    normal: int,
    ratio: float,
    seed: int,
    n_normals: int | None = None,
    *,
    one_kind: bool = False,
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the indices of a contaminated collection, shuffled, and which of them are outliers.

    Parameters
    ----------
    ratio : the outliers' share of the collection
    n_normals : the first so many; None takes all that are normal
    one_kind : all outliers are of the next class: a second product mixed in, not the protocol's odds and ends
    """
    rng = np.random.default_rng([seed, normal])
    normals = np.flatnonzero(codes == normal)[:n_normals]
    n_out = round(len(normals) * ratio / (1 - ratio))
    others = codes == (normal + 1) % len(CLASS_NAMES) if one_kind else codes != normal
    odd = rng.choice(np.flatnonzero(others), n_out, replace=False)
    both = rng.permutation(np.concatenate([normals, odd]))
    return both, codes[both] != normal


def fashion_mnist_folder() -> Path:
    folder = shared_data() / "fashion-mnist"
    if not folder.is_dir():
        raise MissingDataError(
            "fashion-mnist is not in ../shared/data; set DEFECTORY_SHARED_DATA to its parent folder"
        )
    return folder


def fashion_mnist() -> Material:
    """Return all 70,000 images of ten classes; train first, then test."""
    folder = fashion_mnist_folder()
    pixels, codes = (
        np.concatenate([read_idx(_find(folder, f"{split}-{what}")) for split in ("train", "t10k")])
        for what in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )
    fingerprint = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Material(CLASS_NAMES, codes, lambda chosen: IdxImages(pixels[list(chosen)]), fingerprint)


def defective_cells() -> Material:
    """Return ELPV: 1,508 cells of probability 0, 715 of probability 1; those in between are dropped."""
    cells = solar_cells()
    kept = np.concatenate([cells.normal, cells.anomalous])
    codes = cells.probabilities[kept].astype(np.uint8)
    return _of_files("solar cell", [cells.paths[i] for i in kept], codes, cells.fingerprint())


def defective_tiles() -> Material:
    """Return magnetic tiles: 952 good ones, of train and test, and 392 with defects."""
    data = magnetic_tile()
    codes = (data.labels == Label.ANOMALOUS).astype(np.uint8)
    paths = [sample.path for sample in data.samples]
    return _of_files("magnetic tile", paths, codes, data.fingerprint())


DATA: dict[str, Callable[[], Material]] = {
    "fashion-mnist": fashion_mnist,
    "solar-cells": defective_cells,
    "magnetic-tile": defective_tiles,
}


def _of_files(
    name: str, paths: Sequence[Path], codes: NDArray[np.uint8], fingerprint: str
) -> Material:
    def select(chosen: Sequence[int]) -> FileImages:
        return FileImages([paths[i] for i in chosen])

    return Material((name,), codes, select, fingerprint)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise MissingDataError(f"{name} is not in {folder.name}")
