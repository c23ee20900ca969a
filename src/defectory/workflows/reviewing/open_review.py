"""A review that is open: its store, and what is kept of it in memory."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from defectory.projects import ProjectStore, VersionRow
from defectory.projects.images import read_thumbnails
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated

_MOST_MODELS = 2
_LOOK_SIDE = 16

Fact = TypeVar("Fact")


class OpenReview:
    """Store, models and looks of a review. Threads may use it at once."""

    def __init__(self, store: ProjectStore) -> None:
        self.store = store
        self.folder = store.folder
        self.is_teaching = threading.Lock()
        self.is_scoring = threading.Lock()
        self._loading = threading.Lock()
        self._models: OrderedDict[int, CalibratedDetector] = OrderedDict()
        self._kept: dict[tuple[str, int], object] = {}

    def bundle_path(self, version: VersionRow) -> Path:
        """Return the file of a bundle version."""
        return self.folder / version.file

    def model_of(self, version: VersionRow) -> CalibratedDetector:
        """Return the model of a bundle version, in memory if it was used lately; BundleError."""
        with self._loading:
            if version.version not in self._models:
                self._models[version.version] = load_calibrated(self.bundle_path(version))
                while len(self._models) > _MOST_MODELS:
                    self._models.popitem(last=False)
            self._models.move_to_end(version.version)
            return self._models[version.version]

    def once(self, what: str, version: int, find: Callable[[], Fact]) -> Fact:
        """Return what is true of a bundle version for good, found at the first time only."""
        if (what, version) not in self._kept:
            self._kept[what, version] = find()
        return self._kept[what, version]  # type: ignore[return-value]

    @cached_property
    def looks(self) -> NDArray[np.float32]:
        """(n, 256) float32: each image as 16 x 16 grey cells of mean 0 and length 1; products correlate."""
        with self.store.reading() as connection:
            thumbnails = read_thumbnails(connection)
        return looks_of(thumbnails)


def looks_of(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (n, 256) float32 of (n, 64, 64) uint8; see `OpenReview.looks`."""
    n, side = len(thumbnails), thumbnails.shape[1] // _LOOK_SIDE
    cells = thumbnails.reshape(n, _LOOK_SIDE, side, _LOOK_SIDE, side).mean((2, 4)).reshape(n, -1)
    cells -= cells.mean(1, keepdims=True)
    return np.asarray(cells / np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), 1e-6), "f4")
