"""What a model and a data set say of the images that a person may be asked about."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label
from defectory.labeling import Candidates
from defectory.sources.fine_structure import THUMBNAIL_PX, Thumbnails
from defectory.sources.near_duplicates import find_similar_pairs
from defectory.workflows.calibrated import CalibratedDetector

_EMBEDDING_SIDE = 8


def gather_candidates(
    model: CalibratedDetector,
    contents: Sequence[str],
    scores: NDArray[np.float32],
    codes: NDArray[np.int8],
    thumbnails: Thumbnails | None = None,
) -> Candidates:
    """Return what is known of n images.

    Parameters
    ----------
    model : that scored them
    contents : of each, the first hex digits of the hash of its content
    scores : (n,) float32, raw; where the model knows a left-out score of an image that it learned from, that
        one takes its place, and how far the two lie apart is their disagreement
    codes : (n,) int8 of Label, as far as a person said; labels that the model learned are added
    thumbnails : (n, 64, 64) uint8, of the images; None where likeness does not matter
    """
    calibration = model.bundle.calibration
    by_content = dict(zip(calibration.contents, calibration.scores.tolist(), strict=True))
    left_out = np.array([by_content.get(content, np.nan) for content in contents], np.float64)
    is_known = np.isfinite(left_out)
    return Candidates(
        scores=np.where(is_known, left_out, scores.astype(np.float64)),
        threshold=model.threshold.value,
        codes=_with_learned(model, contents, codes),
        embeddings=None if thumbnails is None else embed_thumbnails(thumbnails),
        groups=find_copies(contents, thumbnails),
        suspicions=suspicions_of(model, contents),
        # With and without an image: where these differ much, what is normal hangs on it.
        disagreements=np.where(is_known, np.abs(left_out - scores), 0.0)
        if is_known.any()
        else None,
        holders=holders_among(model, contents),
        accept_threshold=model.accept_threshold,
    )


def suspicions_of(model: CalibratedDetector, contents: Sequence[str]) -> NDArray[np.float64] | None:
    """Return (n,) float64 in [0, 1], how much the fit distrusts each image; None where it distrusts none."""
    found = {item.content: 1 - item.weight for item in model.facts.suspects}
    return np.array([found.get(c, 0.0) for c in contents]) if found else None


def holders_among(model: CalibratedDetector, contents: Sequence[str]) -> NDArray[np.int64]:
    """Return (k,) int64, places of good images that hold the threshold up, the costliest first."""
    place = {content: i for i, content in reversed(list(enumerate(contents)))}
    return np.array([place[h.content] for h in model.holders if h.content in place], np.int64)


def embed_thumbnails(thumbnails: Thumbnails) -> NDArray[np.float32]:
    """Return (n, 64) float32 of n thumbnails: light and dark over the image, whatever the exposure."""
    side, step = _EMBEDDING_SIDE, THUMBNAIL_PX // _EMBEDDING_SIDE
    cells = thumbnails.reshape(-1, side, step, side, step).mean((2, 4), dtype=np.float32)
    embeddings: NDArray[np.float32] = cells.reshape(len(cells), side * side)
    embeddings -= embeddings.mean(1, keepdims=True)
    embeddings /= np.maximum(embeddings.std(1, keepdims=True), 1.0)
    return embeddings


def find_copies(contents: Sequence[str], thumbnails: Thumbnails | None) -> NDArray[np.int64]:
    """Return (n,) int64 numbers, the same for images that are one picture: copied, or saved again.

    Other pictures of one part are not joined: one of them may show a defect that another does not.
    """
    first: dict[str, int] = {}
    numbers = np.array([first.setdefault(c, i) for i, c in enumerate(contents)], np.int64)
    if thumbnails is not None:
        for pair in find_similar_pairs(thumbnails):
            if pair.is_same_picture:
                low, high = sorted((int(numbers[pair.first]), int(numbers[pair.second])))
                numbers[numbers == high] = low
    return numbers


def _with_learned(
    model: CalibratedDetector, contents: Sequence[str], codes: NDArray[np.int8]
) -> NDArray[np.int8]:
    """Return the codes with labels that the model was fitted or updated with."""
    calibration, labels = model.bundle.calibration, model.bundle.detector.known_labels
    good = {
        c for c, known in zip(calibration.contents, calibration.is_confirmed, strict=True) if known
    }
    calibrating = set(calibration.contents)
    confirmed = good.union(model.facts.labeled_names, labels)
    if not model.facts.holder_names:
        # bundles of before name unlabeled images that hold the threshold up among labeled ones
        confirmed -= calibrating - good - labels.keys()
    found = codes.copy()
    for i, content in enumerate(contents):
        if codes[i] == Label.UNLABELED and content in confirmed:
            is_good = Label.NORMAL if content in calibrating else Label.ANOMALOUS
            found[i] = labels.get(content, is_good)
    return found
