"""Good images that came after a fit, read and checked before a threshold is fitted on them."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from defectory.domain import DataError, Label
from defectory.sources import Dataset, Sample, read_dataset
from defectory.sources.layouts import read_given


@dataclass(frozen=True)
class GoodImages:
    """Good images that the model has not learned from, each content once.

    Attributes
    ----------
    dataset : the images
    contents : of each, the first hex digits of the hash of its content
    notes : what was assumed, and what is left out
    """

    dataset: Dataset
    contents: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_good_images(
    paths: Sequence[Path], *, good_words: Iterable[str] = (), bad_words: Iterable[str] = ()
) -> Dataset:
    """Return the images of files, folders, manifests and patterns, with the labels that they have.

    Raises
    ------
    DataError : a path names nothing, holds no images or is not understood.
    """
    good, bad = tuple(good_words), tuple(bad_words)
    return read_given(paths, lambda path: read_dataset(path, good_words=good, bad_words=bad))


def check_good_images(given: Dataset, learned: Container[str]) -> GoodImages:
    """Return the images that a threshold may be fitted on: a person who gives them says that they are good.

    Parameters
    ----------
    learned : contents of images that the model has learned from, whose scores are not held out

    Raises
    ------
    DataError : none is left, or one cannot be read.
    """
    notes = list(given.notes)
    dataset = _without(given, lambda s: s.label == Label.ANOMALOUS, "are labeled anomalous", notes)
    dataset = _without(
        dataset, lambda s: s.split == "test", "are of the test split, which figures need", notes
    )
    contents = dict(zip(dataset.samples, dataset.contents(), strict=True))
    dataset = _without(
        dataset,
        lambda s: contents[s] in learned,
        "were learned from, so that their scores are not held out,",
        notes,
    )
    first = {contents[sample]: sample for sample in reversed(dataset.samples)}
    dataset = _without(
        dataset, lambda s: first[contents[s]] is not s, "are copies of others", notes
    )
    if not len(dataset):
        said = "; ".join(notes[len(given.notes) :])
        raise DataError(f"{given.root}: there are no good images to fit a threshold on: {said}")
    good = tuple(replace(sample, label=Label.NORMAL) for sample in dataset.samples)
    return GoodImages(
        replace(dataset, samples=good), tuple(contents[s] for s in dataset.samples), tuple(notes)
    )


def _without(
    dataset: Dataset, is_out: Callable[[Sample], bool], why: str, notes: list[str]
) -> Dataset:
    """Return the data set without some images, and note how many."""
    kept = dataset.filter(lambda sample: not is_out(sample))
    n_out = len(dataset) - len(kept)
    if n_out:
        notes.append(f"{n_out} of {len(dataset)} images {why} and are left out")
    return kept
