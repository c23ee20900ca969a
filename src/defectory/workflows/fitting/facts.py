"""What a bundle says of the fit that it came from."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from defectory import __version__
from defectory.artifacts import BundleFacts, LabelCounts, TrainingData
from defectory.artifacts.manifest import MAX_HASHES, MAX_LETTERS, MAX_NAMES, MAX_NOTES
from defectory.backbones.providers import runtime_version
from defectory.calibration import Threshold
from defectory.detectors.base import Detector
from defectory.domain import Label
from defectory.sources import Dataset, Sample
from defectory.workflows.suspects import SuspectImage, record_suspects

# More than may hold the threshold up.
_N_HIGHEST = 20


def describe_fit(
    detector: Detector,
    train: Dataset,
    contents: Sequence[str],
    suspects: Sequence[SuspectImage],
    *,
    seed: int,
    notes: Sequence[str],
) -> BundleFacts:
    """Return the facts of a bundle.

    Parameters
    ----------
    detector : fitted
    train : what it was fitted on
    contents : of each of its images, the first hex digits of the hash of its content
    suspects : of the fit, oddest first
    seed : of the fit's random draws
    notes : what a person must know
    """
    labels = train.labels
    distrusted = [item for item in suspects if item.suspect.is_distrusted]
    return BundleFacts(
        defectory_version=__version__,
        created=now(),
        seed=seed,
        weights=detector.backbone_.card.id,
        runtime=runtime_version(detector.backbone_.provider),
        data=TrainingData(
            train.fingerprint(), train.layout, len(train), tuple(contents[:MAX_HASHES])
        ),
        labels=LabelCounts(**{label.name.lower(): int((labels == label).sum()) for label in Label}),
        notes=as_many_as_fit(notes),
        account=detector.account_,
        suspects=record_suspects(distrusted, train.root, contents),
        n_suspects=len(distrusted),
        confirmed_names=confirmed_names(train, contents),
        holder_names=holder_names(detector, train, contents),
        chosen=_chosen(train, contents),
    )


def _chosen(train: Dataset, contents: Sequence[str]) -> tuple[str, ...]:
    """Return contents of labeled images that were asked about for their scores, as a table says."""
    pairs = zip(contents, train.samples, strict=True)
    return tuple(sorted({content for content, sample in pairs if was_chosen(sample)}))[:MAX_HASHES]


def was_chosen(sample: Sample) -> bool:
    """Return whether a labeled image was asked about for its score: such are no sample of those to come."""
    return sample.is_random is False and sample.label is not Label.UNLABELED


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


def notes_of_new_threshold(
    facts: BundleFacts, before: Threshold, after: Threshold
) -> tuple[str, ...]:
    """Return the notes, with what is to be said of the new threshold in place of the old one."""
    notes = [note for note in facts.notes if note != before.explain()]
    if not after.is_kept:
        notes.append(after.explain())
    return as_many_as_fit(notes)


def confirmed_names(train: Dataset, contents: Sequence[str]) -> dict[str, str]:
    """Return content -> name of labeled training images, anomalous first.

    At most 10,000: a bundle's manifest must stay small.
    """
    rank = {Label.ANOMALOUS: 0, Label.NORMAL: 1}
    told = [(rank[s.label], i) for i, s in enumerate(train.samples) if s.label in rank]
    return {contents[i]: train.samples[i].name for _, i in sorted(told)[:MAX_NAMES]}


def holder_names(detector: Detector, train: Dataset, contents: Sequence[str]) -> dict[str, str]:
    """Return content -> name of training images that may hold the threshold up, labeled or not."""
    held_out = detector.held_out_
    highest = {held_out.contents[i] for i in np.argsort(-held_out.scores)[:_N_HIGHEST].tolist()}
    named = zip(contents, train.samples, strict=True)
    return {content: sample.name for content, sample in named if content in highest}
