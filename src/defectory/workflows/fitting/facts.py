"""What a bundle says of the fit that it came from."""

from collections.abc import Sequence
from datetime import UTC, datetime

from defectory import __version__
from defectory.artifacts import CONTENT_DIGITS, BundleFacts, LabelCounts, TrainingData
from defectory.artifacts.facts import MAX_HASHES, MAX_LETTERS, MAX_NAMES, MAX_NOTES
from defectory.detectors.base import Detector
from defectory.detectors.revision import TakesLabels
from defectory.domain import Label
from defectory.sources import Dataset
from defectory.workflows.suspects import SuspectImage, record_suspects


def describe_fit(
    detector: Detector,
    train: Dataset,
    suspects: Sequence[SuspectImage],
    *,
    seed: int,
    notes: Sequence[str],
) -> BundleFacts:
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
    return BundleFacts(
        defectory_version=__version__,
        created=now(),
        seed=seed,
        weights=detector.backbone_.card.id,
        data=TrainingData(
            train.fingerprint(), train.layout, len(train), tuple(contents[:MAX_HASHES])
        ),
        labels=LabelCounts(**{label.name.lower(): int((labels == label).sum()) for label in Label}),
        notes=as_many_as_fit(notes),
        account=detector.account_,
        suspects=record_suspects(suspects, train.root, contents),
        n_suspects=len(suspects),
        confirmed_names=confirmed_names(train, contents)
        if isinstance(detector, TakesLabels)
        else {},
    )


def now() -> datetime:
    """Return the present time in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def as_many_as_fit(notes: Sequence[str]) -> tuple[str, ...]:
    """Return the notes that a bundle can carry, the last ones always: thousands may name unreadable files."""
    kept = [note[:MAX_LETTERS] for note in notes]
    n_gone = len(kept) - MAX_NOTES
    if n_gone <= 0:
        return tuple(kept)
    half = MAX_NOTES // 2
    return (*kept[: half - 1], f"({n_gone + 1} further notes)", *kept[-half:])


def confirmed_names(train: Dataset, contents: Sequence[str]) -> dict[str, str]:
    """Return content -> name of labeled training images, for an update to call them by.

    At most 10,000, anomalous ones first: a bundle's manifest must stay small.
    """
    labeled = [i for i, sample in enumerate(train.samples) if sample.label != Label.UNLABELED]
    labeled.sort(key=lambda i: train.samples[i].label != Label.ANOMALOUS)
    return {contents[i]: train.samples[i].name for i in labeled[:MAX_NAMES]}
