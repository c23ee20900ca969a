"""`acme-nearest`: how far an image is from the most similar good one, by the mean of its features."""

import time

import numpy as np

from defectory.backbones import DEFAULT_BACKBONE, View, load_backbone
from defectory.detectors import (
    Capabilities,
    Detector,
    groups_to_leave_out,
    held_out_from,
    usable_as_normal,
)
from defectory.domain import DataError, NoProgress, Scores

_STAGES = ("block4", "block10")


class Nearest(Detector):
    """Distance to the nearest good image; no maps.

    Parameters
    ----------
    backbone : name of a frozen backbone
    size_px : multiple of 32, side that images are resized to
    cache : of features; None reads each image anew
    """

    name = "acme-nearest"
    capabilities = Capabilities(
        uses_unlabeled=True,
        uses_labeled_anomalies=False,
        uses_masks=False,
        localizes=False,
        needs_torch=False,
    )

    def __init__(self, *, backbone=DEFAULT_BACKBONE, size_px=256, cache=None):
        self.backbone, self.size_px, self.cache = backbone, size_px, cache

    def config(self):
        """Return the settings, without the cache: it belongs to the machine."""
        return {"backbone": self.backbone, "size_px": self.size_px}

    def fit(self, images, labels=None, masks=None, *, groups=None, progress=None):
        """Keep the features of the images that are labeled normal or not labeled."""
        del masks  # an image is in or out as a whole
        normals = usable_as_normal(len(images), labels)
        if len(normals) < 2:
            raise DataError(f"{len(normals)} images are normal or unlabeled; at least 2 are needed")
        progress = progress or NoProgress()
        progress.start("reading features", len(normals))
        backbone = load_backbone(self.backbone, _STAGES, cache=self.cache)
        bank = np.stack(list(self._vectors(backbone, images, normals.tolist(), progress)))
        self.spread_ = bank.std(axis=0) + np.float32(1e-3)
        self.bank_ = bank / self.spread_
        numbers = groups_to_leave_out(len(images), groups, normals)
        own = numbers[normals]
        others = [self.bank_[own != number] for number in own]
        scores = [_distance(v, rest) for v, rest in zip(self.bank_, others, strict=True)]
        self.held_out_ = held_out_from(images, normals, scores, (), labels=labels, groups=numbers)
        backbone.cache = None  # cached features are rounded, those of a shipped bundle are not
        self.backbone_ = backbone
        return self

    def score(self, images, *, progress=None):
        """Return the distance of each image to the nearest good one."""
        self._check_fitted()
        progress = progress or NoProgress()
        progress.start("scoring", len(images))
        vectors = self._vectors(self.backbone_, images, range(len(images)), progress)
        distances = [_distance(vector / self.spread_, self.bank_) for vector in vectors]
        return Scores(np.array(distances, np.float32))

    def arrays(self):
        """Return the learned state."""
        return {"bank": self.bank_, "spread": self.spread_}

    def restore(self, arrays, backbone):
        """Take the state that `arrays` gave."""
        self.bank_, self.spread_, self.backbone_ = arrays["bank"], arrays["spread"], backbone
        return self

    def estimate_fit_bytes(self, n_images):
        """Return the peak: the process, and three times the bank."""
        return 540 * 2**20 + 3 * 4 * 152 * n_images

    def time_reading(self, images):
        """Return the seconds that fit spends on reading one image."""
        backbone = load_backbone(self.backbone, _STAGES, cache=self.cache)
        started = time.monotonic()
        for _ in self._vectors(backbone, images, range(len(images)), NoProgress()):
            pass
        return (time.monotonic() - started) / len(images)

    def _vectors(self, backbone, images, indices, progress):
        for features in backbone.extract(images, View(self.size_px), indices):
            yield np.concatenate([features[name].mean(axis=(0, 1)) for name in _STAGES])
            progress.advance()


def _distance(vector, bank):
    return np.linalg.norm(bank - vector, axis=1).min()
