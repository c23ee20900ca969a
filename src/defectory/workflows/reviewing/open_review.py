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
from defectory.projects.facts import REVIEW_ID, read_fact
from defectory.projects.images import read_thumbnails
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated
from defectory.workflows.reviewing.candidates import embed_thumbnails
from defectory.workflows.reviewing.facts import Proposal

_MOST_MODELS = 2

Fact = TypeVar("Fact")


class OpenReview:
    """Store, models and embeddings of a review. Threads may use it at once."""

    def __init__(self, store: ProjectStore) -> None:
        self.store = store
        self.folder = store.folder
        self.is_teaching = threading.Lock()
        self.is_scoring = threading.Lock()
        self.early_proposal: Proposal | None = None  # while its bundle scores the other images
        self.state: tuple[object, object] | None = None  # what was read last, and its stamp
        self._loading = threading.Lock()
        self._models: OrderedDict[int, CalibratedDetector] = OrderedDict()
        self._kept: dict[tuple[str, int], object] = {}
        self._embeddings = np.empty((0, 0), np.float32)

    @cached_property
    def id(self) -> str:
        """Hex digits that no other review has; see REVIEW_ID."""
        with self.store.reading() as connection:
            return str(read_fact(connection, REVIEW_ID))

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

    def embeddings(self, n: int) -> NDArray[np.float32]:
        """Return (n, 64) float32 of unit length of the first n images; products are correlations.

        They tell light and dark over each image, and are made again where images have come.
        """
        found = self._embeddings
        if len(found) < n:
            with self.store.reading() as connection:
                found = embed_thumbnails(read_thumbnails(connection))
            found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
            self._embeddings = found
        return found[:n]
