"""What a report says, as plain data; nothing here knows of HTML."""

from dataclasses import dataclass
from math import isfinite, nan

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Decision, Label, ParameterError
from defectory.domain.images import Image, Mask
from defectory.domain.scores import AnomalyMap
from defectory.reports.gray_zone_content import GrayZoneContent
from defectory.reports.suspect_content import SuspectContent

Facts = tuple[tuple[str, str], ...]
"""Rows of a two-column table: what, and its value."""

HOW_MADE = (
    "Test labels touched only the metrics: the detector, its settings and its thresholds "
    "were fixed before a test label was read."
)


@dataclass(frozen=True)
class Metric:
    """One headline figure.

    Attributes
    ----------
    key : unique within a report; becomes part of an element id
    label : what the reader sees
    value : in [0, 1], or nan where it cannot be computed
    explanation : one short sentence on what the figure means
    low, high : ends of the interval, or None
    interval_level : (0, 1), confidence of that interval
    is_percent : show 93.1 % rather than 0.931
    missing_reason : why the value is nan
    """

    key: str
    label: str
    value: float
    explanation: str
    low: float | None = None
    high: float | None = None
    interval_level: float = 0.95
    is_percent: bool = False
    missing_reason: str = ""


@dataclass(frozen=True)
class PromiseContent:
    """The false-reject promise that the image threshold was fitted to.

    Attributes
    ----------
    rate : (0, 1), the promised highest rate of good parts that are rejected
    confidence : (0, 1), how surely the promise is meant to hold
    bound : the lowest rate that the calibration parts can support at that confidence,
        or nan
    n_normals : good parts that the threshold was fitted on
    threshold : image threshold; may be infinite, which rejects nothing
    is_estimated : whether it rests on images that nobody called good
    """

    rate: float
    confidence: float
    bound: float
    n_normals: int
    threshold: float
    is_estimated: bool = False

    @property
    def is_backed(self) -> bool:
        """Whether the calibration parts were enough to make the promise."""
        return self.bound <= self.rate


@dataclass(frozen=True)
class TradeOffRow:
    """What one false-reject rate costs.

    Attributes
    ----------
    rate : (0, 1), of good parts rejected
    threshold : for that rate
    basis : promised, short, estimated or none
    recall, low, high : [0, 1], share of known defects found, with its interval; nan where unknown
    is_chosen : whether it is the rate that decides
    """

    rate: float
    threshold: float
    basis: str
    recall: float
    low: float
    high: float
    is_chosen: bool


@dataclass(frozen=True)
class TradeOffContent:
    """What promises cost in recall.

    Attributes
    ----------
    rows : the strictest first
    n_defects : that recall is counted on
    kind : labeled, chosen (asked about for their scores, or of before a recalibration) or simulated
    holders : sentences on good images that alone cost much recall
    """

    rows: tuple[TradeOffRow, ...]
    n_defects: int
    kind: str
    holders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Confusion:
    """How many labeled test parts were decided rightly and wrongly at the threshold."""

    n_found: int
    n_missed: int
    n_false_alarms: int
    n_accepted: int

    @property
    def n_anomalous(self) -> int:
        """How many parts are defective."""
        return self.n_found + self.n_missed

    @property
    def n_normal(self) -> int:
        """How many parts are good."""
        return self.n_false_alarms + self.n_accepted

    @property
    def recall(self) -> float:
        """Share of the defective parts that were found; nan without any."""
        return self.n_found / self.n_anomalous if self.n_anomalous else nan

    @property
    def false_reject_rate(self) -> float:
        """Share of the good parts that were rejected; nan without any."""
        return self.n_false_alarms / self.n_normal if self.n_normal else nan


@dataclass(frozen=True, eq=False)
class ScoredImages:
    """Scores, labels and threshold behind the plots.

    Attributes
    ----------
    scores : (n,) float, finite, higher = more anomalous
    labels : (n,) int, codes of `Label`
    threshold : parts above it are rejected; may be infinite

    Raises
    ------
    ParameterError : lengths differ, a score is not finite, or a label is no code of `Label`.
    """

    scores: NDArray[np.floating]
    labels: NDArray[np.integer]
    threshold: float

    def __post_init__(self) -> None:
        if self.scores.ndim != 1 or self.scores.shape != self.labels.shape:
            raise ParameterError(
                f"report has scores {self.scores.shape} and labels {self.labels.shape}; "
                "give one label per score"
            )
        if not np.isfinite(self.scores).all():
            raise ParameterError("report scores hold nan or infinity; pass finite scores")
        if not np.isin(self.labels, [int(label) for label in Label]).all():
            raise ParameterError("report labels hold an unknown code; use -1, 0 or 1")

    def of(self, label: Label) -> NDArray[np.floating]:
        """Return the scores of the images with that label."""
        scores: NDArray[np.floating] = self.scores[self.labels == label]
        return scores


@dataclass(frozen=True)
class TypeRow:
    """What became of the defective parts of one type.

    Attributes
    ----------
    name : defect type
    n_parts, n_found : test parts of the type, and how many of them were rejected
    auroc : the type against all good parts, or nan
    median_score : of the image scores, or nan
    """

    name: str
    n_parts: int
    n_found: int
    auroc: float
    median_score: float

    @property
    def recall(self) -> float:
        """Share that was found; nan without any part."""
        return self.n_found / self.n_parts if self.n_parts else nan


@dataclass(frozen=True)
class HeatScale:
    """The one color scale of all the pictures in a report, in units of the anomaly maps.

    Attributes
    ----------
    low : no color at or below it
    threshold : pixel threshold; the middle of the scale
    high : strongest color at or above it

    Raises
    ------
    ParameterError : not finite, or not low < threshold < high.
    """

    low: float
    threshold: float
    high: float

    def __post_init__(self) -> None:
        finite = isfinite(self.low) and isfinite(self.threshold) and isfinite(self.high)
        if not (finite and self.low < self.threshold < self.high):
            ends = f"{self.low:g}, {self.threshold:g}, {self.high:g}"
            raise ParameterError(f"heat scale must be finite and rise, low to high; got {ends}")


@dataclass(frozen=True, eq=False)
class GalleryItem:
    """One picture of a gallery.

    Attributes
    ----------
    name : of the image, as the reader knows it
    image : (h, w, 3) uint8, RGB
    decision : score, threshold, accept or reject, predicted regions
    label : what a person said of it
    defect_type : or "" where unknown
    anomaly_map : float over the whole image, or None for a detector that does not localize
    mask : (h, w) bool, or None where there is none

    Raises
    ------
    ParameterError : a shape, dtype or size does not fit, or the map is not finite.
    """

    name: str
    image: Image
    decision: Decision
    label: Label = Label.UNLABELED
    defect_type: str = ""
    anomaly_map: AnomalyMap | None = None
    mask: Mask | None = None

    def __post_init__(self) -> None:
        image, heat, mask = self.image, self.anomaly_map, self.mask
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise self._error(f"image is {image.dtype} {image.shape}; expected uint8 (h, w, 3)")
        if mask is not None and mask.shape != image.shape[:2]:
            raise self._error(f"mask is {mask.shape}; expected {image.shape[:2]} like its image")
        if heat is not None and (heat.ndim != 2 or not heat.size or not np.isfinite(heat).all()):
            raise self._error("anomaly map must be a finite, non-empty (h, w) array")

    def _error(self, problem: str) -> ParameterError:
        return ParameterError(f"report picture {self.name!r}: {problem}")


@dataclass(frozen=True)
class Gallery:
    """A titled group of pictures, in the order given.

    Attributes
    ----------
    key : unique within a report; becomes part of an element id
    title, explanation : heading and one sentence under it
    items : pictures to show
    n_total : how many there are in all, shown or not
    empty_text : what to say where there is none
    """

    key: str
    title: str
    explanation: str
    items: tuple[GalleryItem, ...]
    n_total: int
    empty_text: str


@dataclass(frozen=True)
class ReportContent:
    """All that one report says.

    Attributes
    ----------
    title, subtitle : what was judged; detector, data and date
    verdict : one sentence in plain language
    warnings : what the reader must know before trusting a figure; shown first
    metrics : headline figures, in reading order
    scored : scores and labels behind the plots
    promise, confusion : or None where no threshold or no label exists
    types : a row a defect type
    galleries : in reading order
    heat_scale : one for all pictures, or None: then no heatmap is drawn
    data, provenance : tables of facts at the end
    how_made : the footer
    account : what there was to learn from and what was done with it, in plain lines
    suspects : training images that the fit distrusted, or None without any
    trade_off : what other promises cost, or None where no defect is known
    gray_zone : what is neither accepted nor rejected, or None without a miss rate
    intervals : what the intervals of the metrics resample, or "" where it need not be said
    """

    title: str
    subtitle: str
    verdict: str
    metrics: tuple[Metric, ...]
    scored: ScoredImages
    promise: PromiseContent | None = None
    confusion: Confusion | None = None
    types: tuple[TypeRow, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    heat_scale: HeatScale | None = None
    data: Facts = ()
    provenance: Facts = ()
    warnings: tuple[str, ...] = ()
    how_made: str = HOW_MADE
    account: tuple[str, ...] = ()
    suspects: SuspectContent | None = None
    trade_off: TradeOffContent | None = None
    gray_zone: GrayZoneContent | None = None
    intervals: str = ""
