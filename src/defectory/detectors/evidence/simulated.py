"""Defects simulated in normal images, as a classifier of cells sees them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Backbone, View
from defectory.backbones.preparation import clean_square, prepare_image
from defectory.detectors.batching import BATCH
from defectory.detectors.evidence.descriptors import CellDescriptor, Described
from defectory.detectors.evidence.study import Study, cover
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.measurements import Measurements
from defectory.domain import ArrayImages, ImageSource, Label, Progress
from defectory.domain.images import Image
from defectory.machine import count_readers, map_ordered
from defectory.simulation import AnomalySimulator

Indices = NDArray[np.intp]

_STREAM = 9


@dataclass(frozen=True)
class DefectDrawer:
    """Draws defects into images and reads them; each draw follows from seed and image alone.

    Attributes
    ----------
    images : of the fit
    backbone, view : how they are read
    seed : of all draws
    """

    images: ImageSource
    backbone: Backbone
    view: View
    seed: int

    def study(
        self, normality: GaussianNormality, descriptor: CellDescriptor, rows: Indices,
        progress: Progress,
    ) -> Study:  # fmt: skip
        """Return these images, a defect drawn into each, as a finished model sees them.

        Indices are those of the images drawn into. What the normality model knows of the image itself
        makes cells beside the defect look a little too normal.
        """
        progress.start("simulating defects", len(rows))
        simulator = AnomalySimulator(mix="broad")
        view = replace(self.view, noise=0.0)  # taken off as soon as defects are drawn

        def draw(row: int) -> tuple[Image, NDArray[np.bool_]]:
            image = self.images.read([row])[0]
            square = prepare_image(image, self.view.side_px, even_exposure=False)
            found = simulator.simulate(square, np.random.default_rng([self.seed, _STREAM, row]))
            return clean_square(found.image, image, self.view.noise), found.mask

        measured: list[Measurements] = []
        described: list[Described] = []
        coverage: list[NDArray[np.float32]] = []
        for start in range(0, len(rows), BATCH):
            listed = [int(row) for row in rows[start : start + BATCH]]
            drawn = list(map_ordered(draw, listed, count_readers()))
            images = [image for image, _ in drawn]
            batch = list(self.backbone.extract(ArrayImages(images), view, range(len(images))))
            samples = normality.sample(batch)
            measured.append(normality.measure(samples))
            described.append(descriptor.describe(normality, samples))
            coverage.extend(cover(mask, normality.grid_side) for _, mask in drawn)
            progress.advance(len(listed))
        return Study(
            rows,
            np.full(len(rows), Label.ANOMALOUS, np.int8),
            np.stack(coverage),
            Measurements.join(measured),
            np.concatenate(described),
        )
