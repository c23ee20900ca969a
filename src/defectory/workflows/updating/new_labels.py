"""Labels that a person has confirmed after the fit, read and checked before anything is learned from them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from defectory.domain import CONTENT_DIGITS, DataError, Label, MaskSource
from defectory.sources import Dataset, Sample, grouping, read_dataset
from defectory.sources.files import check_spreadsheet, is_manifest_name
from defectory.sources.manifests import LIKE_LABELS
from defectory.workflows.labels.results import listed


@dataclass(frozen=True)
class NewLabels:
    """Images with a confirmed label, each content once.

    Attributes
    ----------
    dataset : normal or anomalous images, some with masks
    contents : of each, the first hex digits of the hash of its content
    notes : what was assumed, and rows that are not answered
    chosen, drawn : contents, of these and earlier labels, of images that were asked about for their scores,
        and of those that are a random sample, as a queue's table or a review says; others count as random
    is_whole : whether all that was drawn at random has its answer: until then, what was chosen before its
        turn in the random order came is no part of the sample
    """

    dataset: Dataset
    contents: tuple[str, ...]
    notes: tuple[str, ...] = ()
    chosen: frozenset[str] = frozenset()
    drawn: frozenset[str] = frozenset()
    is_whole: bool = True

    @property
    def names(self) -> dict[str, str]:
        """Content -> name."""
        samples = self.dataset.samples
        return {key: s.name for key, s in zip(self.contents, samples, strict=True)}


def read_new_labels(
    path: Path,
    *,
    good_words: Iterable[str] = (),
    bad_words: Iterable[str] = (),
    group_by: str | None = None,
) -> NewLabels:
    """Return the confirmed labels of a CSV or JSONL manifest.

    An image that is listed twice counts once, with its mask if one of the rows gives one. Rows without a
    label are not answered yet, and left out.

    Parameters
    ----------
    good_words, bad_words : further labels for good and for defective parts
    group_by : which images belong together, see `sources.grouping`; None for what the manifest says

    Raises
    ------
    ParameterError : `group_by` does not parse, or finds nothing in any name.
    ManifestError : the manifest does not parse, or a file is missing.
    DataError : it is no manifest or has no labeled rows; a row is of the test split; an image has two
        labels or two masks; a mask does not fit its label.
    MaskError, ImageReadError : a mask or an image cannot be read, or the two differ in size.
    """
    check_spreadsheet(path)
    if path.is_dir() or not is_manifest_name(path):
        raise DataError(f"{path}: labels come as a manifest, a file that ends in .csv or .jsonl")
    given = read_dataset(path, good_words=good_words, bad_words=bad_words)
    return check_new_labels(grouping.group_by(given, group_by), path)


def check_new_labels(given: Dataset, where: Path | str) -> NewLabels:
    """Return the confirmed labels of a data set that came from `where`; see `read_new_labels`."""
    dataset = given.filter(lambda sample: sample.label != Label.UNLABELED)
    n_open = len(given) - len(dataset)
    if not len(dataset):
        hints = (f". {note}" for note in given.notes if note.endswith(LIKE_LABELS))
        raise DataError(
            f"{where}: none of {n_open} rows has a label; write normal or anomalous (or OK, NOK, ...) into a "
            f"column named label{''.join(hints)}"
        )
    notes = dataset.notes
    if n_open:
        notes += (f"{n_open} of {len(given)} rows have no label and are left out",)
    tests = [s.name for s in dataset.samples if s.split == "test"]
    if tests:
        raise DataError(f"{where}: nothing may learn from the test split: {listed(tests)}")
    rows: dict[str, _Row] = {}
    images, masks = dataset.images(), dataset.masks()
    for i, sample in enumerate(dataset.samples):
        row = _Row(sample, _fingerprint_mask(sample, masks, i))
        key = images.fingerprint(i)
        rows[key] = _merged(rows[key], row) if key in rows else row
    said = {key[:CONTENT_DIGITS]: row.sample.is_random for key, row in rows.items()}
    return NewLabels(
        replace(dataset, samples=tuple(row.sample for row in rows.values())),
        tuple(key[:CONTENT_DIGITS] for key in rows),
        notes,
        chosen=frozenset(key for key, is_random in said.items() if is_random is False),
        drawn=frozenset(key for key, is_random in said.items() if is_random),
        is_whole=not any(s.is_random and s.label is Label.UNLABELED for s in given.samples),
    )


@dataclass(frozen=True)
class _Row:
    sample: Sample
    mask: str | None  # a hash: masks themselves may be large


def _fingerprint_mask(sample: Sample, masks: MaskSource, index: int) -> str | None:
    mask = masks.read(index)
    if mask is None:
        return None
    if sample.label == Label.NORMAL and mask.any():
        raise DataError(
            f"{sample.name} is labeled normal, but its mask {sample.mask_path} marks a defect"
        )
    if sample.label == Label.ANOMALOUS and not mask.any():
        raise DataError(
            f"{sample.name} is labeled anomalous, but its mask {sample.mask_path} marks nothing; "
            "draw the defect, or give no mask"
        )
    return hashlib.sha256(mask.tobytes()).hexdigest()


def _merged(first: _Row, second: _Row) -> _Row:
    """Return what two rows of one image say together."""
    pair = f"{first.sample.name} and {second.sample.name} are the same image"
    if first.sample.label != second.sample.label:
        labels = (row.sample.label.name.lower() for row in (first, second))
        raise DataError(f"{pair}, labeled {' and '.join(labels)}; keep the row that is right")
    if first.mask is not None and second.mask is not None and first.mask != second.mask:
        raise DataError(f"{pair} with different masks; keep the row that is right")
    return second if first.mask is None and second.mask is not None else first
