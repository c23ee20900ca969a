"""What an update changes for images that neither model has learned from."""

from collections.abc import Sequence

from defectory.artifacts import BundleFacts
from defectory.detectors.revision import Revision
from defectory.domain import Label
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.updating.results import CheckedImage, Effect


def measure_effect(
    revision: Revision, model: CalibratedDetector, revised: CalibratedDetector
) -> Effect:
    """Return what changes for images that neither model has learned from."""
    defects, good = left_out_images(revision, model, revised)
    return Effect(
        n_defects=len(defects),
        n_found_before=sum(image.was_rejected for image in defects),
        n_found_after=sum(image.is_rejected for image in defects),
        n_good=len(good),
        n_false_before=sum(image.was_rejected for image in good),
        n_false_after=sum(image.is_rejected for image in good),
        n_good_among=_count_among(good, model.facts),
    )


def left_out_images(
    revision: Revision, model: CalibratedDetector, revised: CalibratedDetector
) -> tuple[list[CheckedImage], list[CheckedImage]]:
    """Return the newly confirmed defects and good images, scored by models that never saw them."""
    limits = model.threshold.value, revised.threshold.value
    left_out = [
        check_image(image.name, image.label, (before, after), limits)
        for image in revision.confirmed
        if (before := image.left_out_before) is not None
        and (after := image.left_out_after) is not None
    ]
    return (
        [image for image in left_out if image.label == Label.ANOMALOUS],
        [image for image in left_out if image.label == Label.NORMAL],
    )


def check_image(
    name: str, label: int, scores: tuple[float, float], limits: tuple[float, float]
) -> CheckedImage:
    """Return what was and is decided of an image; scores and thresholds before and after."""
    (before, after), (limit_before, limit_after) = scores, limits
    return CheckedImage(
        name=name,
        label=Label(label),
        before=float(before),
        after=float(after),
        was_rejected=bool(before > limit_before),
        is_rejected=bool(after > limit_after),
    )


def _count_among(good: Sequence[CheckedImage], facts: BundleFacts) -> int:
    """Return among how many images these were chosen: all of the fit that may be good, and themselves."""
    of_fit = set(facts.data.fitted_hashes)
    n_of_fit = sum(image.name in of_fit for image in good)
    if not n_of_fit:
        return len(good)
    return len(good) - n_of_fit + max(n_of_fit, facts.data.n_images - facts.labels.anomalous)
