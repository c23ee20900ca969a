"""Decisions on several images: a sequence, arrays, records, pictures."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from defectory.api.images import NamedImages
from defectory.api.notebook import render_table
from defectory.api.settings import check_numbers
from defectory.api.warnings import warn
from defectory.domain import Decision, Region
from defectory.domain.images import ChosenImages
from defectory.domain.scores import AnomalyMap, Outcome
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.overlays import draw_decision, read_map
from defectory.workflows.scoring.discoveries import find_discoveries
from defectory.workflows.scoring.rows import describe_decision

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from defectory.calibration.p_values import Basis


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
        """Decisions, (n,) int64: 1 rejected as defective, 0 not: accepted, or to be looked at."""
        return np.array([decision.is_anomalous for decision in self], np.int64)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Of each image "accepted", "review" or "rejected"; "review", for a person, only with a miss rate."""
        return tuple(decision.outcome for decision in self)

    @property
    def p_values(self) -> NDArray[np.float64]:
        """Conformal p-values, (n,) float64 in (0, 1]; low = unusual.

        The p-value of a good image is at most a with a probability of at most a, where `p_value_basis` is
        "confirmed".
        """
        return self._model.p_values.of(self.scores)

    @property
    def p_value_basis(self) -> "Basis":
        """What p-values rest on: images "confirmed" good; else they are "estimated", and promise nothing.

        "none" where there are no good images: all p-values are 1.
        """
        return self._model.p_values.basis

    def discoveries(self, fdr: float) -> NDArray[np.bool_]:
        """Return which images stand out, so that on average at most a share of these is good after all.

        Benjamini and Hochberg (1995) on conformal p-values; valid as they depend positively on each other
        (Bates et al. 2023), where images are independent (one a part) and `p_value_basis` is "confirmed".
        Warns (`DefectoryWarning`) where there are too few good images for any image to be a discovery.

        Parameters
        ----------
        fdr : float in (0, 1)
            false discovery rate

        Returns
        -------
        (n,) bool; they depend on all images of these predictions

        Raises
        ------
        ParameterError : the rate is out of its range.
        """
        check_numbers(fdr=fdr)
        found = find_discoveries(self._model, self.scores, fdr)
        warn([found.explain()] if found.n_fewest > found.n_images > 0 else [])
        return self.scores >= found.lowest_score

    @property
    def regions(self) -> tuple[tuple[Region, ...], ...]:
        """Defect regions of each image, in its pixels; none where it is accepted."""
        return tuple(decision.regions for decision in self)

    def to_records(self) -> list[dict[str, Any]]:
        """Return one JSON-ready dict an image: `pandas.DataFrame(predictions.to_records())`.

        Returns
        -------
        list of n dicts with the keys image, score, threshold (None where it is infinite), is_anomalous,
        p_value, p_value_basis, n_regions and regions (a list of dicts); with a miss rate also outcome and
        accept_threshold (None where it is infinite)
        """
        return [
            {
                "image": name,
                **describe_decision(decision, self._model),
                "n_regions": len(decision.regions),
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
        review = self.outcomes.count("review")
        told = f"{int(self.labels.sum())} rejected" + f", {review} to look at" * (review > 0)
        return f"Predictions({len(self)} images, {told})"

    def _repr_html_(self) -> str:
        return render_table(self)
