"""A detector that distrusts two images and takes labels, as auto does, but does it at once."""

import copy

from defectory.detectors.gaussian import Gaussian
from defectory.detectors.revision import Confirmed, Revision
from defectory.domain import HeldOutScores, Label, Suspect

ACCOUNT = ("Evidence: pictures.", "Two look odd.")
SUSPECTS = (
    Suspect(5, 9.5, 0.0, 5, 5, 1, "Called anomalous by 5 of 5 models."),
    Suspect(2, 7.25, 0.25, 3, 5, 2, "Called anomalous by 3 of 5 models."),
)
LOWERED = 0.5


class Teachable(Gaussian):
    """Gaussian that says it distrusts the images 5 and 2; each update halves its held-out scores."""

    name = "gaussian"  # bundles are read by the name in the registry

    def fit(self, images, labels=None, masks=None, **more):
        super().fit(images, labels, masks, **more)
        self.suspects_, self.account_ = SUSPECTS, ACCOUNT
        return self

    def update(self, images, labels, masks=None, *, groups=None, progress=None):
        self.taken = [
            (images.fingerprint(i)[:12], Label(labels[i]), masks.read(i) is not None)
            for i in range(len(images))
        ]
        taught = copy.copy(self)
        before = self.score(images).image_scores
        # restored from a bundle it has no held-out scores: its own on the images stand in for them
        taught.held_out_ = HeldOutScores.of(LOWERED * before)
        taught.account_ = ("Labels: taken.",)
        confirmed = [
            Confirmed(key, int(label), float(score), float(score))
            for (key, label, _), score in zip(self.taken, before, strict=True)
        ]
        return Revision(taught, (*confirmed, *self.of_the_fit))

    of_the_fit = (Confirmed("0123456789ab", int(Label.ANOMALOUS), -1e9, -1e9),)
