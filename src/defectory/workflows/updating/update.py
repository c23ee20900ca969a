"""A fitted model takes labels, and says which of its decisions changed by that."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from defectory.artifacts import BUNDLE_FILE, Bundle
from defectory.detectors.base import Detector
from defectory.detectors.revision import Revision, TakesLabels
from defectory.domain import (
    BundleError,
    Label,
    NoProgress,
    ParameterError,
    Progress,
)
from defectory.storage import OutputFile, check_outputs
from defectory.workflows.caching import MAX_KEPT_BYTES, kept_features
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated
from defectory.workflows.memory import MemoryNeed, plan_memory, within
from defectory.workflows.suspects import without_suspects
from defectory.workflows.updating.new_labels import NewLabels, read_new_labels
from defectory.workflows.updating.results import CheckedImage, Update


def updatable(detector: Detector) -> TakesLabels:
    """Return the detector, or refuse one that cannot be updated; ParameterError."""
    if isinstance(detector, TakesLabels):
        return detector
    raise ParameterError(
        f"a bundle of {detector.name} takes no labels once it is fitted; "
        "fit with --detector auto to have one that does"
    )


def update_model(
    model: CalibratedDetector, new: NewLabels, *, progress: Progress | None = None
) -> Update:
    """Return a model that has taken the labels, with every confirmed image's decision checked.

    Raises
    ------
    ParameterError : the model's detector cannot be updated.
    DataError : an image or mask cannot be read.
    """
    started = time.monotonic()
    detector, dataset = updatable(model.bundle.detector), new.dataset
    revision = detector.update(dataset.images(), dataset.labels, dataset.masks(), progress=progress)
    revised = _revised_model(model, revision.detector, new)
    names = {**_known_names(model.facts), **new.names}
    return Update(
        model=revised,
        n_normal=int((dataset.labels == Label.NORMAL).sum()),
        n_anomalous=int((dataset.labels == Label.ANOMALOUS).sum()),
        n_masks=sum(sample.mask_path is not None for sample in dataset.samples),
        threshold_before=model.threshold,
        checked=tuple(_checked(revision, names, model.threshold.value, revised.threshold.value)),
        account=revision.detector.account_,
        wall_s=time.monotonic() - started,
        notes=new.notes,
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
    max_memory_bytes: int | None = None,
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
    max_memory_bytes : > 0, of the process

    Raises
    ------
    ResourceError : it would need more memory than is allowed; nothing was learned.
    BundleError : there is no bundle, or it is damaged.
    ParameterError : its detector takes no labels.
    DataError : the labels cannot be used; see `read_new_labels`.
    OutputError : the new bundle cannot be written.
    """
    progress = progress or NoProgress()
    outputs = [OutputFile(Path(output), BUNDLE_FILE)]
    check_outputs(outputs, inputs=[bundle, labels], overwrite=overwrite)
    model = load_calibrated(bundle)
    updatable(model.bundle.detector)
    new = read_new_labels(Path(labels), good_words=good_words, bad_words=bad_words)
    inputs = [bundle, labels, *new.dataset.files()]
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    plan = plan_memory(max_memory_bytes, _memory_need(model, new), new.dataset.files())
    n_spare = MAX_KEPT_BYTES if plan.n_readers is None else plan.spare_bytes
    keep = kept_features(use_cache, progress, max_kept_bytes=min(MAX_KEPT_BYTES, n_spare))
    with within(plan), keep as store:
        model.bundle.detector.cache = store
        update = update_model(model, new, progress=progress)
        model.bundle.detector.cache = update.model.bundle.detector.cache = None
    update.model.save(output, overwrite=overwrite)
    return update


def _memory_need(model: CalibratedDetector, new: NewLabels) -> MemoryNeed:
    detector, n_images = model.bundle.detector, len(new.dataset)
    remembered = len(model.facts.get("data", {}).get("image_hashes", ()))
    return MemoryNeed(
        what=f"teaching {detector.name} {n_images} labels",
        fixed_bytes=detector.estimate_fit_bytes(remembered + n_images),
        reader_bytes=detector.reader_bytes,
        advice="",
    )


def _checked(
    revision: Revision, names: Mapping[str, str], before: float, after: float
) -> list[CheckedImage]:
    return [
        CheckedImage(
            name=names.get(image.name, image.name),
            label=Label(image.label),
            before=float(image.before),
            after=float(image.after),
            was_rejected=bool(image.before > before),
            is_rejected=bool(image.after > after),
        )
        for image in revision.confirmed
    ]


def _revised_model(
    model: CalibratedDetector, detector: Detector, new: NewLabels
) -> CalibratedDetector:
    calibration = {"scores": detector.held_out_scores_, "peaks": detector.held_out_peaks_}
    facts = _revised_facts(model.facts, detector, new)
    revised = replace(model, bundle=Bundle(detector, calibration, facts))
    # what was said of the old threshold holds no longer
    notes = [note for note in facts.get("notes", ()) if note != model.threshold.explain()]
    if not revised.threshold.is_kept:
        notes.append(revised.threshold.explain())
    return replace(revised, bundle=replace(revised.bundle, facts={**facts, "notes": notes}))


def _revised_facts(facts: Mapping[str, Any], detector: Detector, new: NewLabels) -> dict[str, Any]:
    """Return the facts with this update among them; evaluate must know the images it learned from."""
    entry = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_labels": len(new.contents),
        "names": new.names,
    }
    try:
        revised = without_suspects(facts, set(new.contents))
        data = dict(revised.get("data", {}))
        known = list(data.get("image_hashes", ()))
        data["image_hashes"] = [*known, *sorted(set(new.contents) - set(known))]
        updates = [*revised.get("updates", ()), entry]
    except (TypeError, ValueError) as error:
        raise BundleError(f"the bundle's facts are damaged ({error!r})") from error
    account = list(detector.account_) or revised.get("account", [])
    return {**revised, "data": data, "updates": updates, "account": account}


def _known_names(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return content -> name of images that were labeled in fit or by earlier updates."""
    try:
        names = dict(facts.get("confirmed_names", {}))
        for entry in facts.get("updates", ()):
            names.update(entry["names"])
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"the bundle's facts are damaged ({error!r})") from error
    return names
