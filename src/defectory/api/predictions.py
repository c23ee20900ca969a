"""Decisions on several images: a sequence, arrays, records, pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from defectory.api.images import NamedImages
from defectory.api.notebook import render_table
from defectory.domain import Decision, Region
from defectory.domain.images import ChosenImages
from defectory.domain.scores import AnomalyMap
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.overlays import draw_decision, read_map

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


class Predictions(Sequence[Decision]):
    """What `Model.predict` gives back: one `Decision` an image, in the order of the images.

    Pictures and maps are made when they are asked for, from the images as they are then.

    Attributes
    ----------
    names : tuple of n str
        paths, or `images[0]` and so on for arrays
    """

    def __init__(
        self, decisions: Sequence[Decision], images: NamedImages, model: CalibratedDetector
    ) -> None:
        self._decisions = tuple(decisions)
        self._images = images
        self._model = model
        self.names = images.names

    def __len__(self) -> int:
        return len(self._decisions)

    @overload
    def __getitem__(self, index: int) -> Decision: ...
    @overload
    def __getitem__(self, index: slice) -> "Predictions": ...
    def __getitem__(self, index: int | slice) -> "Decision | Predictions":
        if not isinstance(index, slice):
            return self._decisions[index]
        source = ChosenImages(self._images.source, range(len(self))[index])
        return Predictions(
            self._decisions[index], NamedImages(source, self.names[index]), self._model
        )

    def __iter__(self) -> Iterator[Decision]:
        return iter(self._decisions)

    @property
    def scores(self) -> NDArray[np.float64]:
        """Raw scores, (n,) float64; higher = more anomalous."""
        return np.array([decision.score for decision in self], np.float64)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Decisions, (n,) int64: 0 accepted as good, 1 rejected as defective."""
        return np.array([decision.is_anomalous for decision in self], np.int64)

    @property
    def regions(self) -> tuple[tuple[Region, ...], ...]:
        """Defect regions of each image, in its pixels; none where it is accepted."""
        return tuple(decision.regions for decision in self)

    def to_records(self) -> list[dict[str, Any]]:
        """Return one JSON-ready dict an image: `pandas.DataFrame(predictions.to_records())`.

        Returns
        -------
        list of n dicts with the keys image, score, threshold (None where it is infinite), is_anomalous,
        n_regions and regions (a list of dicts)
        """
        return [
            {
                "image": name,
                "score": decision.score,
                "threshold": decision.threshold if isfinite(decision.threshold) else None,
                "is_anomalous": decision.is_anomalous,
                "n_regions": len(decision.regions),
                "regions": [asdict(region) for region in decision.regions],
            }
            for name, decision in zip(self.names, self, strict=True)
        ]

    def anomaly_map(self, index: int) -> AnomalyMap | None:
        """Return the anomaly map of one image, computed anew.

        Parameters
        ----------
        index : int
            place of the image

        Returns
        -------
        (h, w) float32 over the whole image, on the detector's grid; higher = more anomalous, and above
        `Model.pixel_threshold` defective. None for a detector that does not localize.
        """
        return read_map(self._model, self._images.source, range(len(self))[index])

    def overlay(self, index: int) -> "Picture":
        """Return the picture of one image with its heatmap and a box around each region.

        Parameters
        ----------
        index : int
            place of the image

        Returns
        -------
        PIL image of mode RGB, of the size of the image. The same color is the same map value in all
        pictures of a model; good parts stay as they are.
        """
        from PIL import Image

        place = range(len(self))[index]
        return Image.fromarray(
            draw_decision(self._model, self._images.source, place, self._decisions[place])
        )

    def __repr__(self) -> str:
        return f"Predictions({len(self)} images, {int(self.labels.sum())} rejected)"

    def _repr_html_(self) -> str:
        return render_table(self)
