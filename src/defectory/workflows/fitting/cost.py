"""What a fit will take, told before it begins."""

from defectory.detectors.base import Detector, FitCost
from defectory.domain import ImageSource, Progress
from defectory.sources import Dataset


def tell_cost(detector: Detector, train: Dataset, images: ImageSource, progress: Progress) -> None:
    """Say in one line what the fit will take; nothing where the detector cannot tell."""
    cost = detector.estimate_cost(images, train.labels, train.groups)
    if cost is not None:
        speed = detector.config().get("speed")
        what = detector.name if speed is None else f"{detector.name}, {speed}"
        progress.say(f"fitting {what}, on {len(train):,} images: {explain_cost(cost)}")


def explain_cost(cost: FitCost) -> str:
    """Return the cost in words."""
    more = (
        f" (about {_duration(cost.refit_s)} more where defects are found among the unlabeled images)"
        if cost.refit_s
        else ""
    )
    return (
        f"takes about {_duration(cost.fit_s)}{more}, less where features are cached; "
        f"scoring then does about {_rate(cost.images_a_second)} images a second"
    )


def _rate(speed: float) -> str:
    return f"{speed:.0f}" if speed >= 10 else f"{speed:.2g}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
