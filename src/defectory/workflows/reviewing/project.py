"""A review: images that a bundle has scored, what people say of them, and bundles that learn from it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Progress
from defectory.reports.content import HeatScale
from defectory.workflows.reviewing.facts import (
    BundleVersion,
    Disagreement,
    Found,
    ImageFacts,
    LabeledImage,
    LabelState,
    Overview,
    Proposal,
    QueuedImage,
    Thresholds,
)


class ReviewProject:
    """A project folder that is open. Threads and processes may use it at once."""

    # Signatures first (helper S builds against them); the bodies follow.
    name: str
    folder: Path

    @classmethod
    def create(
        cls,
        folder: Path,
        bundle: Path,
        data: Path | Sequence[Path],
        *,
        progress: Progress | None = None,
    ) -> "ReviewProject": ...
    @classmethod
    def open(cls, folder: Path) -> "ReviewProject": ...
    def overview(self) -> Overview: ...
    def queue(self, n: int, strategy: str = "mix") -> list[QueuedImage]: ...
    def find(
        self,
        *,
        filter: str = "all",
        search: str = "",
        sort: str = "score",
        offset: int = 0,
        limit: int = 50,
    ) -> Found: ...
    def image(self, image_id: int) -> ImageFacts: ...
    def read_image(self, image_id: int) -> NDArray[np.uint8]: ...
    def anomaly_map(self, image_id: int) -> NDArray[np.float32] | None: ...
    def heat_scale(self) -> HeatScale | None: ...  # low, middle (the threshold), high: colors of maps
    def outline(self, image_id: int) -> NDArray[np.bool_] | None: ...  # (h, w), the detector's regions
    def label(
        self,
        image_id: int,
        value: str | None,
        *,
        who: str,
        seconds: float = 0.0,
        strategy: str = "",
        defect_type: str = "",
        expected: str | None = None,
        client_id: str = "",
    ) -> LabelState: ...
    def mask(self, image_id: int) -> NDArray[np.bool_] | None: ...
    def set_mask(
        self,
        image_id: int,
        mask: NDArray[np.bool_] | None,
        *,
        who: str,
        expected: str | None = None,
    ) -> LabelState: ...
    def disagreements(self) -> list[Disagreement]: ...
    def labeled(self) -> list[LabeledImage]: ...  # good and defective ones
    def labels_csv(self) -> str: ...  # manifest with absolute paths that `defectory update` takes
    def teach(self, *, progress: Progress | None = None) -> Proposal: ...
    def proposal(self) -> Proposal | None: ...
    def accept(self, *, force: bool = False) -> None: ...  # WorseError -> 409
    def reject(self) -> None: ...
    def history(self) -> list[BundleVersion]: ...
    def restore(self, version: int, *, force: bool = False) -> None: ...
    def thresholds(self) -> Thresholds: ...  # .options, .basis
    def set_false_reject_rate(self, rate: float) -> None: ...
    def close(self) -> None: ...
