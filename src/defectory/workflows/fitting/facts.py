"""What a bundle says of the fit that it came from."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from defectory import __version__
from defectory.detectors.base import Detector
from defectory.detectors.revision import TakesLabels
from defectory.domain import Label
from defectory.sources import Dataset
from defectory.workflows.suspects import CONTENT_DIGITS, SuspectImage, suspect_facts

_MAX_NAMES = 10_000


def describe_fit(
    detector: Detector,
    train: Dataset,
    suspects: Sequence[SuspectImage],
    *,
    seed: int,
    notes: Sequence[str],
) -> dict[str, Any]:
    """Return the facts of a bundle; every image is hashed.

    Parameters
    ----------
    detector : fitted
    train : what it was fitted on
    suspects : of the fit, oddest first
    seed : of the fit's random draws
    notes : what a person must know
    """
    labels, images = train.labels, train.images()
    contents = [images.fingerprint(i)[:CONTENT_DIGITS] for i in range(len(train))]
    facts: dict[str, Any] = {
        "defectory_version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "weights": detector.backbone_.card.id,
        "data": {
            "fingerprint": train.fingerprint(),
            "layout": train.layout,
            "n_images": len(train),
            "image_hashes": contents,
        },
        "labels": {label.name.lower(): int((labels == label).sum()) for label in Label},
        "notes": list(notes),
        **suspect_facts(suspects, train.root, contents),
    }
    if detector.account_:
        facts["account"] = list(detector.account_)
    if isinstance(detector, TakesLabels):
        facts["confirmed_names"] = confirmed_names(train, contents)
    return facts


def confirmed_names(train: Dataset, contents: Sequence[str]) -> dict[str, str]:
    """Return content -> name of labeled training images, for an update to call them by.

    At most 10,000, anomalous ones first: a bundle's manifest must stay small.
    """
    labeled = [i for i, sample in enumerate(train.samples) if sample.label != Label.UNLABELED]
    labeled.sort(key=lambda i: train.samples[i].label != Label.ANOMALOUS)
    return {contents[i]: train.samples[i].name for i in labeled[:_MAX_NAMES]}
