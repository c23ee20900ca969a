"""`defectory.fit`."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from defectory.api.datasets import as_dataset
from defectory.api.images import Images
from defectory.api.labels import Groups, Labels, Masks
from defectory.api.model import Model
from defectory.api.paths import AnyPath, as_optional_path
from defectory.api.settings import (
    check_flags,
    check_limits,
    check_numbers,
    check_optional_numbers,
    check_progress,
    check_text,
    check_whole,
)
from defectory.api.warnings import warn
from defectory.domain import Progress
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions
from defectory.workflows.providers import running_on

if TYPE_CHECKING:
    from defectory.detectors.base import Detector


def fit(
    images: Images,
    labels: Labels | None = None,
    masks: Masks | None = None,
    *,
    groups: Groups | None = None,
    assume_good: bool = False,
    detector: "str | Detector" = "auto",
    false_reject_rate: float = 0.01,
    confidence: float = 0.95,
    miss_rate: float | None = None,
    size: int = 256,
    tiles: int = 1,
    speed: str = "balanced",
    backbone: str = "efficientnet-lite0",
    weights: AnyPath | None = None,
    seed: int = 0,
    time_budget: float | None = None,
    max_memory: int | None = None,
    device: str = "auto",
    provider: str = "cpu",
    cache: bool = True,
    probes: bool = True,
    skip_unreadable: bool = False,
    good_words: Collection[str] = (),
    bad_words: Collection[str] = (),
    progress: Progress | None = None,
) -> Model:
    """Return a model that has learned what is normal, and from labels and masks where there are any.

    Warns (`DefectoryWarning`) of what the command line prints as notes: too few good images for the
    promise, images left out.

    Parameters
    ----------
    images : path, paths, array, arrays or ImageSource
        A path is a folder (MVTec layout; good/, defect.../, unlabeled/; or just images) or a CSV or JSONL
        manifest, of which the train split is used, or everything where nothing is called train. Arrays are
        (h, w, 3) RGB or (h, w) gray of uint8, in a list, or as one array (n, h, w, 3) or (n, h, w).
    labels : sequence of n, or None
        0, False, "good" ... normal; 1, True, "defect" ... anomalous; -1, None, nan unlabeled: codes of
        `Label`, or words as in manifests. None: all unlabeled. A pandas column is read by position.
    masks : sequence of n, MaskSource or None
        (h, w) arrays, not 0 where defective, or mask files; None where there is none
    groups : sequence of n, or None
        images of one value belong together (a part, a batch): thresholds count groups, and scores are those
        of models without the whole group. An image of None, nan, empty text or a number below 0 belongs to
        none. None: those that show the same part again are found; range(n): each is by itself
    assume_good : bool
        unlabeled images count as confirmed good; else a threshold that rests on them is an estimate
    detector : str or Detector
        name, or a detector object with settings of its own: it is not changed, and what it sets
        (size, tiles, backbone, seed) cannot be set here as well
    false_reject_rate : float in (0, 1)
        share of good parts that may be rejected
    confidence : float in (0, 1)
        how surely that is to hold
    miss_rate : float in (0, 1) or None
        share of defects like the labeled ones that may be accepted: a second, lower threshold; a person looks
        at images between the two (`Decision.outcome` is "review"). None: what is not rejected is accepted
    size : int
        side in pixels that images are resized to; a multiple of 32
    tiles : int
        read images as tiles x tiles tiles of that size, for tiny defects
    speed : str
        how closely `auto` looks: fast, balanced or thorough, which reads large images in finer detail
    backbone : str
        frozen features: efficientnet-lite0, or timm:NAME
    weights : path or None
        file of the weights of a backbone timm:NAME, .safetensors or a state dict of torch; nothing is ever
        fetched. None: what timm's cache on this machine has
    seed : int, >= 0
        of every random draw
    time_budget : float or None
        seconds; fewer images are learned from where all would take longer
    max_memory : int or None
        bytes; refused before work starts where the estimate is higher
    device : str
        to train networks on: auto, cpu, cuda or cuda-bf16
    provider : str
        what runs the backbone: cpu, openvino (extra `openvino`), cuda, or auto: a GPU where there is one
    cache : bool
        keep features on disk for the next fit
    probes : bool
        keep some 20 small images of the fit in the model, by which `Model.export` checks what it writes;
        False where no picture may leave with the bundle
    skip_unreadable : bool
        leave out images that cannot be read, and warn; else they are an error
    good_words, bad_words : of str
        words for good and bad parts beside the known ones, in folder names, manifests and labels
    progress : Progress or None
        told of stages and images, and before the fit of what it will take

    Raises
    ------
    ParameterError : an argument has a wrong type, shape, length or range.
    DataError : the images cannot be used, or one cannot be read.
    ResourceError : more memory or time would be needed than is allowed.
    MissingExtraError : the extra `train`, or that of the provider, is not installed.
    """
    check_whole(size=size, tiles=tiles, seed=seed)
    check_numbers(false_reject_rate=false_reject_rate, confidence=confidence)
    check_optional_numbers(miss_rate=miss_rate)
    check_limits(time_budget=time_budget, max_memory=max_memory)
    check_flags(
        assume_good=assume_good, cache=cache, probes=probes, skip_unreadable=skip_unreadable
    )
    check_text(speed=speed, backbone=backbone, device=device, provider=provider)
    check_progress(progress)
    options = FitOptions(
        detector=detector,
        backbone=backbone,
        weights=as_optional_path(weights, "weights"),
        size_px=size,
        n_tiles=tiles,
        speed=speed,
        seed=seed,
        false_reject_rate=false_reject_rate,
        confidence=confidence,
        miss_rate=miss_rate,
        time_budget_s=time_budget,
        max_memory_bytes=max_memory,
        skip_unreadable=skip_unreadable,
        use_cache=cache,
        keep_probes=probes,
        device=device,
        assume_good=assume_good,
        tell_cost=progress is not None,
    )
    dataset = as_dataset(images, labels, masks, groups, good_words=good_words, bad_words=bad_words)
    with running_on(provider):
        result = fit_dataset(dataset, options, progress=progress)
    warn(result.notes)
    return Model(result.model)
