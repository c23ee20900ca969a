"""Passes over a fit's images: what is normal, and how each image stands to it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Backbone, Features, View
from defectory.detectors.batching import batched
from defectory.detectors.evidence.descriptors import CellDescriptor, Described
from defectory.detectors.evidence.study import Study, cover
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.measurements import Measurements, Weights
from defectory.domain import ImageSource, Label, MaskSource, Progress

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Readings:
    """The images of a fit, read as often as it takes; features come from the cache after the first time.

    Attributes
    ----------
    backbone, view : how images are read
    images, codes, masks : as given to fit; codes are of Label
    progress : told of each image
    """

    backbone: Backbone
    view: View
    images: ImageSource
    codes: NDArray[np.int8]
    masks: MaskSource | None
    progress: Progress

    def learn(
        self, normality: GaussianNormality, rows: Indices, weights: Weights | None, stage: str
    ) -> GaussianNormality:
        """Return the model, fitted on these images."""
        return normality.learn(self._batches(rows, stage), weights)

    def study(
        self, normality: GaussianNormality, rows: Indices, weights: Weights | None, stage: str
    ) -> tuple[Study, CellDescriptor]:
        """Return what the images look like to a model fitted on those not labeled anomalous among them.

        The model is standardized on these. Weights are those of the fit, one for each row not anomalous.
        """
        codes = self.codes[rows]
        is_anomalous = codes == Label.ANOMALOUS
        descriptor = CellDescriptor.of(normality)
        measured: list[Measurements] = []
        described: list[Described] = []
        done = 0
        for batch in self._batches(rows[~is_anomalous], stage):
            own = None if weights is None else weights.take(slice(done, done + len(batch)))
            done += len(batch)
            samples = normality.sample(batch)
            measured.append(normality.measure_left_out(samples, own))
            described.append(descriptor.describe(normality, samples))
        normals = Measurements.join(measured)
        normality.standardize(normals, None if weights is None else weights.image)
        more = self._measure_new(
            normality, descriptor, rows[is_anomalous], f"{stage}: labeled defects"
        )
        measured, described = measured + more[0], described + more[1]
        order = np.argsort(
            np.concatenate([np.flatnonzero(~is_anomalous), np.flatnonzero(is_anomalous)])
        )
        study = Study(
            indices=rows,
            codes=codes,
            coverage=self._coverage(rows, normality.grid_side),
            measured=Measurements.join(measured).take(order),
            described=np.concatenate(described)[order],
        )
        return study, descriptor

    def measure(self, normality: GaussianNormality, descriptor: CellDescriptor) -> Study:
        """Return what all the images look like to a finished model that has not learned from them."""
        rows = np.arange(len(self.codes))
        measured, described = self._measure_new(
            normality, descriptor, rows, "reading labeled images"
        )
        coverage = self._coverage(rows, normality.grid_side)
        return Study(
            rows, self.codes, coverage, Measurements.join(measured), np.concatenate(described)
        )

    def _measure_new(
        self, normality: GaussianNormality, descriptor: CellDescriptor, rows: Indices, stage: str
    ) -> tuple[list[Measurements], list[Described]]:
        measured: list[Measurements] = []
        described: list[Described] = []
        for batch in self._batches(rows, stage):
            samples = normality.sample(batch)
            measured.append(normality.measure(samples))
            described.append(descriptor.describe(normality, samples))
        return measured, described

    def absorb(self, normality: GaussianNormality, rows: Indices) -> GaussianNormality:
        """Return the finished model, having learned from a few more images."""
        for batch in self._batches(rows, "learning good images"):
            normality = normality.absorb(normality.sample(batch))
        return normality

    def _coverage(self, rows: Indices, side: int) -> NDArray[np.float32]:
        found = [
            cover(
                self.masks.read(int(row))
                if self.masks is not None and self.codes[row] == Label.ANOMALOUS
                else None,
                side,
            )
            for row in rows
        ]
        return np.stack(found)

    def _batches(self, rows: Indices, stage: str) -> Iterator[list[Features]]:
        if not len(rows):
            return
        self.progress.start(stage, len(rows))
        listed = [int(row) for row in rows]
        for batch in batched(self.backbone.extract(self.images, self.view, listed)):
            self.progress.advance(len(batch))
            yield batch
