"""What a review tells of itself; plain data, ready for JSON by `dataclasses.asdict`.

Numbers that would be infinite (a threshold without any good images) are None.
"""

from dataclasses import dataclass
from typing import Self

from defectory.calibration import Threshold
from defectory.domain import DefectoryError


@dataclass(frozen=True)
class Interval:
    """A share in [0, 1] with its 95 % interval; None where it was not counted on a sample."""

    value: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class PromiseFacts:
    """What a threshold is worth, which a page puts into words; see `calibration.Threshold`.

    Attributes
    ----------
    basis : promised, short (of good images), estimated or none
    false_reject_rate, confidence : (0, 1), asked for
    n_images, n_groups, n_confirmed : that it was fitted on; groups of them, and those confirmed good
    n_missing : more good images, or groups of them, that the promise needs
    bound, expected_rate : [0, 1], what too few good images can promise, and the rate on average
    interval : of an estimate, what it may as well be; else None
    is_of_few : whether an estimate is at least the highest score, whatever the rate
    """

    basis: str
    false_reject_rate: float
    confidence: float
    n_images: int
    n_groups: int
    n_confirmed: int
    n_missing: int
    bound: float
    expected_rate: float
    interval: tuple[float, float] | None
    is_of_few: bool

    @classmethod
    def of(cls, threshold: Threshold) -> Self:
        """Return the facts of a threshold."""
        return cls(
            basis=threshold.basis,
            false_reject_rate=threshold.false_reject_rate,
            confidence=threshold.confidence,
            n_images=threshold.n_normals,
            n_groups=threshold.n_groups,
            n_confirmed=threshold.n_confirmed,
            n_missing=threshold.n_missing,
            bound=threshold.bound,
            expected_rate=threshold.expected_rate,
            interval=threshold.interval,
            is_of_few=threshold.is_of_few,
        )


@dataclass(frozen=True)
class CurrentBundle:
    """The bundle version that decides now.

    Attributes
    ----------
    version : from 1 on
    detector : its name
    threshold : of image scores; None where there is none
    promised : what the threshold is worth
    date : when this version came to be, ISO 8601 in UTC
    """

    version: int
    detector: str
    threshold: float | None
    promised: PromiseFacts
    date: str


@dataclass(frozen=True)
class Running:
    """Estimates from the images that were asked at random; None where nothing can be said."""

    n_random: int
    defect_ratio: Interval | None
    recall: Interval | None
    precision: Interval | None


@dataclass(frozen=True)
class ExpectedGain:
    """What the next labels are expected to change.

    Attributes
    ----------
    n_next : labels
    flip_ratio : [0, 1], of the decisions
    is_enough : whether it is time to stop
    said : the same in a sentence
    """

    n_next: int
    flip_ratio: float
    is_enough: bool
    said: str


@dataclass(frozen=True)
class Overview:
    """How far a review is.

    Attributes
    ----------
    id, name : of the review, which no other has; of its folder
    n_images, n_scored : of the project, and of them scored by the current bundle
    n_labeled : images with any answer; good, defective, unsure (skipped ones have none)
    n_new_labels : that the current bundle has not learned
    defect_types : that labels name, the most frequent first
    running, gain : None where nothing can be said
    proposal : whether a taught bundle waits for an answer
    strategies : names that `queue` takes beside "mix"
    """

    id: str
    name: str
    n_images: int
    n_scored: int
    n_labeled: int
    n_good: int
    n_defective: int
    n_unsure: int
    n_new_labels: int
    defect_types: tuple[str, ...]
    bundle: CurrentBundle
    running: Running | None
    gain: ExpectedGain | None
    proposal: bool
    strategies: tuple[str, ...]


@dataclass(frozen=True)
class QueuedImage:
    """An image to ask about, and the name of the strategy that chose it."""

    id: int
    name: str
    score: float
    decision: str
    strategy: str
    label: str | None
    etag: str


@dataclass(frozen=True)
class ListedImage:
    """An image in a list; decision: accepted, review, rejected."""

    id: int
    name: str
    score: float
    decision: str
    label: str | None
    defect_type: str
    etag: str


@dataclass(frozen=True)
class Found:
    """Some of the images that a filter finds.

    Attributes
    ----------
    total : that it finds
    images : those asked for
    """

    total: int
    images: tuple[ListedImage, ...]


@dataclass(frozen=True)
class LabelFacts:
    """The label that an image has now; value: good, defective, unsure, skipped."""

    value: str
    defect_type: str
    who: str
    when: str


@dataclass(frozen=True)
class HistoryEntry:
    """One answer of a person; value None takes the label back; what: "label" or "mask"."""

    value: str | None
    defect_type: str
    who: str
    when: str
    seconds: float
    strategy: str
    what: str


@dataclass(frozen=True)
class LabelState:
    """What is known of an image now, and the tag that names this state."""

    label: LabelFacts | None
    etag: str
    has_mask: bool


@dataclass(frozen=True)
class RegionFacts:
    """A defect region; box: left, top, right, bottom in pixels of the image, right and bottom excluded."""

    box: tuple[int, int, int, int]
    score: float


@dataclass(frozen=True)
class Alike:
    """Ids of the images that look most alike, the nearest first, at most three each.

    Attributes
    ----------
    good, defective : confirmed ones
    unconfirmed : where good ones are fewer than three, images that score low and nobody labeled
    """

    good: tuple[int, ...]
    unconfirmed: tuple[int, ...]
    defective: tuple[int, ...]


@dataclass(frozen=True)
class ImageFacts:
    """All that is known of one image; content: hex digits of the hash of its file."""

    id: int
    name: str
    width: int
    height: int
    content: str
    score: float
    decision: str
    p_value: float
    regions: tuple[RegionFacts, ...]
    label: LabelFacts | None
    etag: str
    has_mask: bool
    history: tuple[HistoryEntry, ...]
    alike: Alike


@dataclass(frozen=True)
class GivenLabel:
    """What one person said of an image last."""

    value: str
    who: str
    when: str


@dataclass(frozen=True)
class Disagreement:
    """An image that one calls good and another defective."""

    id: int
    name: str
    labels: tuple[GivenLabel, ...]


@dataclass(frozen=True)
class LabeledImage:
    """A label as others take it: an image file, good or defective, with a mask file or None.

    Attributes
    ----------
    group : images of one group belong together, as the data name them; None where they name none
    is_random : whether the image is of a random sample; None where the data said the label
    """

    id: int
    name: str
    path: str
    value: str
    defect_type: str
    mask_path: str | None
    group: str | None
    is_random: bool | None
    who: str
    when: str


@dataclass(frozen=True)
class Flip:
    """A confirmed image whose decision changes; id None where the project does not hold it."""

    id: int | None
    name: str
    label: str
    before: float
    after: float
    was_rejected: bool
    is_rejected: bool
    is_right: bool


@dataclass(frozen=True)
class Proposal:
    """A bundle that has learned, and waits for an answer.

    Attributes
    ----------
    version : it will be
    n_labels : that it has learned and the current one has not
    threshold_before, threshold : of the current bundle, and its own
    found_before, found_after, n_defects : newly confirmed defects that are rejected, by models that have not
        learned from them
    false_before, false_after, n_good : likewise newly confirmed good images
    worse : why it decides worse, in a sentence; empty where it does not
    flips : confirmed images whose decision changes
    account : what there is to learn from now and what was done with it, in plain lines
    is_ready : whether it can be answered; not while its bundle still scores other images
    promised : what its threshold is worth
    """

    version: int
    n_labels: int
    threshold_before: float | None
    threshold: float | None
    found_before: int
    found_after: int
    n_defects: int
    false_before: int
    false_after: int
    n_good: int
    worse: str
    flips: tuple[Flip, ...]
    account: tuple[str, ...]
    is_ready: bool = True
    promised: PromiseFacts | None = None


@dataclass(frozen=True)
class BundleVersion:
    """One bundle of the history.

    Attributes
    ----------
    date : ISO 8601 in UTC
    n_labels : of this project that it has learned
    origin : how it came to be: begun (the review began with it), taught, or rate (chosen by a person)
    n_taught : labels that it has learned more than the one it came from
    basis : of its threshold, see PromiseFacts; "" in reviews of earlier versions
    state : current, past (was current), proposed (waits for an answer), or rejected
    why : it was rejected before anybody answered: newer (one was taught), threshold or detector (another was
        chosen); "" otherwise
    """

    version: int
    date: str
    n_labels: int
    threshold: float | None
    origin: str
    n_taught: int
    false_reject_rate: float
    basis: str
    state: str
    why: str


@dataclass(frozen=True)
class ThresholdOption:
    """A false-reject rate and what it costs.

    Attributes
    ----------
    n_rejected : of the project's images
    recall : of defects like those of `Thresholds`; None without any
    is_promised : whether there are good images enough to promise the rate
    prefers_estimate : whether it is an estimate although confirmed images could decide
    """

    false_reject_rate: float
    threshold: float | None
    n_rejected: int
    recall: Interval | None
    is_promised: bool
    prefers_estimate: bool
    is_current: bool


@dataclass(frozen=True)
class Thresholds:
    """Options, the strictest first, and the defects that their recall was counted on.

    Attributes
    ----------
    defects : held_out (labeled, and held out when the bundle learned), chosen (of these some were asked about
        for their scores), unlearned (labeled here, not learned yet), simulated or none; only what is counted
        on those held out has an interval
    n_defects : of these
    """

    options: tuple[ThresholdOption, ...]
    defects: str
    n_defects: int


class ConflictError(DefectoryError):
    """Somebody else has changed the image meanwhile; `current` is its state now."""

    def __init__(self, current: LabelState) -> None:
        super().__init__("somebody else has labeled this image meanwhile; look at it again")
        self.current = current
