"""A fitted model takes labels, and says which of its decisions changed by that."""

import time
from collections.abc import Iterable
from pathlib import Path

from defectory.artifacts import BUNDLE_FILE, BundleFacts
from defectory.detectors.base import Detector
from defectory.detectors.revision import Confirmed, TakesLabels
from defectory.domain import (
    Label,
    NoProgress,
    ParameterError,
    Progress,
    WorseError,
)
from defectory.storage import OutputFile, check_outputs
from defectory.workflows.caching import MAX_KEPT_BYTES, kept_features
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated, refuse_swapped
from defectory.workflows.labels.results import listed
from defectory.workflows.memory import MemoryNeed, plan_memory, within
from defectory.workflows.updating.effects import check_image, measure_effect
from defectory.workflows.updating.new_labels import NewLabels, read_new_labels
from defectory.workflows.updating.results import Update
from defectory.workflows.updating.revised_model import revise_model


def updatable(detector: Detector) -> TakesLabels:
    """Return the detector, or refuse one that cannot be updated; ParameterError."""
    if isinstance(detector, TakesLabels):
        return detector
    raise ParameterError(
        f"a bundle of {detector.name} takes no labels once it is fitted; "
        "fit with the detector auto to have one that does"
    )


def update_model(
    model: CalibratedDetector,
    new: NewLabels,
    *,
    use_cache: bool = False,
    max_kept_bytes: int = MAX_KEPT_BYTES,
    progress: Progress | None = None,
) -> Update:
    """Return a model that has taken the labels, with every confirmed image's decision checked.

    Parameters
    ----------
    model : its scores stay; nobody else may score with it meanwhile where the cache is used
    new : the labels
    use_cache : take features from the cache of earlier fits, and keep them there
    max_kept_bytes : >= 0, of features that are kept in memory where the cache is not used

    Raises
    ------
    ParameterError : the model's detector cannot be updated.
    DataError : an image or mask cannot be read.
    """
    started = time.monotonic()
    detector, dataset = updatable(model.bundle.detector), new.dataset
    progress = progress or NoProgress()
    with kept_features(use_cache, progress, max_kept_bytes=max_kept_bytes) as store:
        model.bundle.detector.cache = store
        groups = {} if dataset.groups is None else {"groups": dataset.groups}
        try:
            revision = detector.update(
                dataset.images(), dataset.labels, dataset.masks(), progress=progress, **groups
            )
        finally:
            model.bundle.detector.cache = None
    revision.detector.cache = None
    revised = revise_model(model, revision, new)
    names = {**model.facts.known_names, **new.names}
    limits = model.threshold.value, revised.threshold.value
    of_fit = frozenset(model.facts.data.fitted_hashes)
    return Update(
        model=revised,
        n_normal=int((dataset.labels == Label.NORMAL).sum()),
        n_anomalous=int((dataset.labels == Label.ANOMALOUS).sum()),
        n_masks=sum(sample.mask_path is not None for sample in dataset.samples),
        threshold_before=model.threshold,
        checked=tuple(
            check_image(names.get(i.name, i.name), i.label, _shown(i, of_fit), limits)
            for i in revision.confirmed
        ),
        account=revision.detector.account_,
        effect=measure_effect(revision, model, revised),
        wall_s=time.monotonic() - started,
        notes=(
            *model.bundle.notes,
            *new.notes,
            *_overturned(model, new),
            *_lost_calibration(model.facts),
            *_promising_nothing(revised),
            *_moved(model, revised),
        ),
    )


def update_bundle(
    bundle: Path | str,
    labels: Path | str,
    output: Path | str,
    *,
    overwrite: bool = False,
    use_cache: bool = True,
    good_words: Iterable[str] = (),
    bad_words: Iterable[str] = (),
    group_by: str | None = None,
    max_memory_bytes: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Update:
    """Teach a bundle labels that a person has confirmed, and write the bundle that comes of it.

    Parameters
    ----------
    bundle : of a detector that takes labels, such as auto; it stays as it is
    labels : CSV or JSONL manifest of images that are normal or anomalous, with or without masks
    output : bundle to write, whole or not at all; must not exist unless it may be replaced
    use_cache : take features from the cache of earlier fits, and keep them there
    good_words, bad_words : further labels for good and for defective parts
    group_by : which images belong together, see `sources.grouping`; None for what the manifest says
    max_memory_bytes : > 0, of the process
    force : write the new bundle even where it decides worse on what is known

    Raises
    ------
    ResourceError : it would need more memory than is allowed; nothing was learned.
    WorseError : it decides worse on what is known; nothing is written.
    BundleError : there is no bundle, or it is damaged.
    ParameterError : its detector takes no labels.
    DataError : the labels cannot be used; see `read_new_labels`.
    OutputError : the new bundle cannot be written.
    """
    progress = progress or NoProgress()
    refuse_swapped(Path(bundle), [Path(labels)])
    outputs = [OutputFile(Path(output), BUNDLE_FILE)]
    check_outputs(outputs, inputs=[bundle, labels], overwrite=overwrite)
    model = load_calibrated(bundle)
    updatable(model.bundle.detector)
    new = read_new_labels(
        Path(labels), good_words=good_words, bad_words=bad_words, group_by=group_by
    )
    inputs = [bundle, labels, *new.dataset.files()]
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    plan = plan_memory(max_memory_bytes, _memory_need(model, new), new.dataset.files())
    n_spare = MAX_KEPT_BYTES if plan.n_readers is None else plan.spare_bytes
    with within(plan):
        update = update_model(
            model,
            new,
            use_cache=use_cache,
            max_kept_bytes=min(MAX_KEPT_BYTES, n_spare),
            progress=progress,
        )
    if not force:
        refuse_worse(update)
    update.model.save(output, overwrite=overwrite)
    return update


def refuse_worse(update: Update) -> None:
    """Raise WorseError where held-out images are decided worse after an update than before."""
    why = update.effect.why_worse(update.model.promise.false_reject_rate)
    if why:
        raise WorseError(
            f"the update would decide worse: {why}. Are all labels right? Look again at those confirmed good "
            "that score highest; or insist on it (--force, force=True)"
        )


def _memory_need(model: CalibratedDetector, new: NewLabels) -> MemoryNeed:
    detector, n_images = model.bundle.detector, len(new.dataset)
    remembered = len(model.facts.data.image_hashes)
    return MemoryNeed(
        what=f"teaching {detector.name} {n_images} labels",
        fixed_bytes=detector.estimate_fit_bytes(remembered + n_images),
        reader_bytes=detector.reader_bytes,
        advice="",
    )


def _overturned(model: CalibratedDetector, new: NewLabels) -> tuple[str, ...]:
    """Return what to say where labels contradict those that the model was taught."""
    known = model.bundle.detector.known_labels
    labels = zip(new.contents, new.dataset.samples, strict=True)
    names = [s.name for content, s in labels if known.get(content, s.label) != s.label]
    if not names:
        return ()
    return (f"{len(names)} of these labels overturn earlier ones: {listed(names)}",)


def _lost_calibration(facts: BundleFacts) -> tuple[str, ...]:
    """Return what to say where the bundle was recalibrated: an update fits thresholds on its own images."""
    if not facts.recalibrations:
        return ()
    last = facts.recalibrations[-1]
    return (
        f"the threshold of {last.date:%Y-%m-%d} was fitted on {last.n_images} fresh good images, this one on "
        "those that the bundle remembers of its fit: recalibrate again",
    )


def _promising_nothing(revised: CalibratedDetector) -> tuple[str, ...]:
    """Return what to say where not every image confirmed good counts for a promise; see `revised_model`."""
    n, n_fair = (
        int(scores.is_confirmed.sum())
        for scores in (revised.bundle.detector.held_out_, revised.bundle.calibration)
    )
    if n == n_fair:
        return ()
    return (
        f"{n - n_fair} of {n} images confirmed good were asked about for their scores, not drawn at random: "
        "they do not count for a promise",
    )


def _moved(model: CalibratedDetector, revised: CalibratedDetector) -> tuple[str, ...]:
    """Return what to say where confirmed images moved the estimate; see `revised_model`."""
    if revised.promise.tail == model.promise.tail:
        return ()
    return (
        f"the estimated threshold was moved, within what is plausible, to {revised.threshold.value:.4g}, so "
        "that the images confirmed now are decided no worse than before",
    )


def _shown(image: Confirmed, of_fit: frozenset[str]) -> tuple[float, float]:
    """Return the scores that a person is shown, before and after; of the fit's images by models without them.

    A defect that was learned as normal stays so, and looks better to the model than any like it will.
    """
    if image.name not in of_fit or image.left_out_before is None:
        return image.before, image.after
    after = image.after if image.left_out_after is None else image.left_out_after
    return image.left_out_before, after
