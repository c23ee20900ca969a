"""The images to ask a person about next, in a table that comes back with labels."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.domain import CONTENT_DIGITS, DataError, Label, NoProgress, Progress
from defectory.labeling import (
    DEFAULT_MIX,
    FEWEST_ANSWERS,
    Candidates,
    Gain,
    QueueEntry,
    expected_gain,
    find_random_part,
    make_queue,
    spread_labels,
    threshold_spread,
)
from defectory.sources import Dataset, read_dataset
from defectory.sources.thumbnails import read_thumbnails
from defectory.storage import OutputFile, check_outputs, write_outputs
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated, refuse_swapped
from defectory.workflows.memory import MemoryNeed, plan_memory, within
from defectory.workflows.readable import leave_out_unreadable
from defectory.workflows.reviewing.candidates import gather_candidates
from defectory.workflows.reviewing.queue_tables import ANSWERED, QUEUE_FILE, QueueRow, write_queue
from defectory.workflows.scoring.score import CHUNK, measure_images

# A picture to compare, its fine structure, and what it is compared with at once.
_THUMBNAIL_BYTES = 64_000

MIX = "mix"
"""Instead of one strategy: the default mix of several."""


@dataclass(frozen=True)
class Queue:
    """Images to ask about.

    Attributes
    ----------
    rows : the most wanted first
    answered : rows of images that were asked about for their scores, and whose turn in the random order has
        come since: with their labels, they are a random sample
    n_images : in the data
    n_open : of these, images that nobody labeled; copies count once
    n_copies : images without a label that are not asked about, as they are copies of others
    gain : what as many labels are expected to change; None where there is no threshold, or few labels came
        by updates
    notes : what was assumed of the data, and what is left out
    """

    rows: tuple[QueueRow, ...]
    n_images: int
    n_open: int
    gain: Gain | None = None
    notes: tuple[str, ...] = ()
    answered: tuple[QueueRow, ...] = ()
    n_copies: int = 0

    @property
    def n_by_strategy(self) -> dict[str, int]:
        """Strategy -> images that it chose, most first."""
        return dict(Counter(row.strategy for row in self.rows).most_common())


def queue_to_file(
    bundle: Path,
    data: Path,
    output: Path,
    n: int,
    *,
    strategy: str = MIX,
    seed: int = 0,
    for_excel: bool = False,
    skip_unreadable: bool = False,
    overwrite: bool = False,
    good_words: Iterable[str] = (),
    bad_words: Iterable[str] = (),
    max_memory_bytes: int | None = None,
    progress: Progress | None = None,
) -> Queue:
    """Write the images that a person should label next, for `defectory update` to take with labels.

    Parameters
    ----------
    bundle : that scores them
    data : folder or manifest; images that have a label there are not asked about
    output : CSV to write, whole or not at all; must not exist unless it may be replaced
    n : >= 1, images; fewer are written where fewer are open
    strategy : one of STRATEGIES, or MIX
    seed : of what is drawn at random
    for_excel : semicolons and decimal commas
    skip_unreadable : leave out images that cannot be read, and say which; else they are an error
    good_words, bad_words : further names and labels for good and for defective parts
    max_memory_bytes : > 0, of the process

    Raises
    ------
    ResourceError : it would need more memory than is allowed; nothing was scored.
    BundleError : there is no bundle, or it is damaged.
    ParameterError : there is no such strategy.
    DataError : the data are not understood, an image cannot be read, or nothing is left to ask.
    OutputError : the table cannot be written.
    """
    progress = progress or NoProgress()
    refuse_swapped(bundle, [data])
    mix = DEFAULT_MIX if strategy == MIX else {strategy: 1.0}
    outputs = [OutputFile(output, QUEUE_FILE)]
    check_outputs(outputs, inputs=[bundle, data], overwrite=overwrite)
    found = read_dataset(data, good_words=good_words, bad_words=bad_words)
    dataset, notes = _without_test(found)
    if not (dataset.labels == Label.UNLABELED).any():
        raise DataError(f"all of {len(dataset)} images have a label: there is nothing to ask")
    inputs = [bundle, data, *found.files()]
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    model = load_calibrated(bundle)
    if skip_unreadable:
        dataset, left_out = leave_out_unreadable(dataset, progress)
        notes = (*notes, *left_out)
    with within(plan_memory(max_memory_bytes, _memory_need(model, dataset), dataset.files())):
        queue = make_rows(model, dataset, n, mix=mix, seed=seed, progress=progress)
    if not queue.rows:
        raise DataError(_nothing_left(strategy, queue))
    with write_outputs(outputs, overwrite=overwrite) as (part,):
        rows = (*queue.rows, *queue.answered)
        write_queue(rows, part, output.parent, for_excel=for_excel)
    return replace(queue, n_images=len(found), notes=(*model.bundle.notes, *notes))


def make_rows(
    model: CalibratedDetector,
    dataset: Dataset,
    n: int,
    *,
    mix: Mapping[str, float] = DEFAULT_MIX,
    seed: int = 0,
    progress: Progress | None = None,
) -> Queue:
    """Return the images of a data set to ask about next.

    Parameters
    ----------
    model : that scores all of them
    n : >= 0
    mix, seed : see `make_queue`

    Raises
    ------
    ImageReadError : an image cannot be read.
    """
    progress = progress or NoProgress()
    images = dataset.images()
    scores, _ = measure_images(model, images, progress=progress)
    thumbnails = read_thumbnails(images, progress)
    contents = [images.fingerprint(i)[:CONTENT_DIGITS] for i in range(len(images))]
    known = gather_candidates(model, contents, scores, dataset.labels, thumbnails)
    entries = make_queue(known, n, mix=mix, seed=seed)
    is_random = _random_part(entries, known, seed)
    # only of labels that it remembers: a guess would be taught
    chosen = model.bundle.detector.known_labels.keys() & set(model.facts.chosen)
    is_answered = is_random & np.isin(contents, list(chosen))
    n_open = len(np.unique(known.own_groups[known.is_open]))
    return Queue(
        tuple(_row(entry, bool(is_random[entry.index]), known, dataset) for entry in entries),
        len(dataset),
        n_open,
        _gain(model, known, n_next=max(1, len(entries))),
        dataset.notes,
        tuple(_answered(row, known, dataset) for row in np.flatnonzero(is_answered).tolist()),
        int((known.codes == Label.UNLABELED).sum()) - n_open,
    )


def _gain(model: CalibratedDetector, known: Candidates, n_next: int) -> Gain | None:
    if sum(update.n_labels for update in model.facts.updates) < FEWEST_ANSWERS:
        return None
    threshold = model.threshold
    spread = threshold_spread(model.good_scores, threshold)
    return expected_gain(known.scores, threshold.value, spread, threshold.n_normals, n_next=n_next)


def _random_part(entries: list[QueueEntry], known: Candidates, seed: int) -> NDArray[np.bool_]:
    """Return (n,) bool, the images that are of a random sample once the entries are answered.

    Whoever chose them: only these say what good parts are like, and `update` promises by no others.
    """
    groups, rows = known.own_groups, [entry.index for entry in entries]
    codes = spread_labels(known.codes, known.groups)  # copies are asked about once
    codes[np.isin(groups, groups[rows])] = Label.NORMAL  # as if all were answered, in any way
    found: NDArray[np.bool_] = np.isin(groups, groups[find_random_part(codes, seed=seed)])
    return found


def _row(entry: QueueEntry, is_random: bool, known: Candidates, dataset: Dataset) -> QueueRow:
    sample = dataset.samples[entry.index]
    return QueueRow(
        sample.name,
        sample.path,
        float(known.scores[entry.index]),
        known.decision(entry.index),
        entry.strategy,
        is_random,
        entry.reason,
    )


def _answered(row: int, known: Candidates, dataset: Dataset) -> QueueRow:
    """Return the row of an image that is not asked about again: what is known of it counts from now on."""
    label = Label(int(known.codes[row])).name.lower()
    entry = QueueEntry(
        row,
        ANSWERED,
        f"is labeled {label}: it was asked about for its score, and now is its turn in the random order; "
        "leave this row as it is",
    )
    return replace(_row(entry, True, known, dataset), label=label)


def _without_test(found: Dataset) -> tuple[Dataset, tuple[str, ...]]:
    """Return what may be learned from, and what to say of the rest."""
    kept = found.filter(lambda sample: sample.split != "test")
    n_out = len(found) - len(kept)
    if not n_out:
        return found, found.notes
    n_open = int((found.labels == Label.UNLABELED).sum()) - int(
        (kept.labels == Label.UNLABELED).sum()
    )
    if not len(kept):
        raise DataError(
            f"{found.root}: all {n_out} images are of the test split, from which nothing may learn"
        )
    note = f"nobody is asked about the test split ({n_out} images, {n_open} without a label)"
    return kept, (*found.notes, note)


def _nothing_left(strategy: str, queue: Queue) -> str:
    if not queue.n_open:
        return f"the bundle knows a label of every one of {queue.n_images} images: there is nothing to ask"
    return (
        f"{strategy} finds nothing to ask among {queue.n_open} images without a label; "
        f"try --strategy {MIX}"
    )


def _memory_need(model: CalibratedDetector, dataset: Dataset) -> MemoryNeed:
    detector = model.bundle.detector
    return MemoryNeed(
        what=f"scoring {len(dataset)} images with {detector.name}",
        fixed_bytes=detector.estimate_score_bytes(CHUNK) + _THUMBNAIL_BYTES * len(dataset),
        reader_bytes=detector.reader_bytes,
        advice="",
    )
