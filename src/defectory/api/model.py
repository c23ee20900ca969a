"""`defectory.Model` and `defectory.load`."""

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.api.alarms import Alarm, alarm_of
from defectory.api.datasets import as_dataset
from defectory.api.exports import export_to_folder
from defectory.api.images import Images, is_path, name_images
from defectory.api.labels import Groups, Labels, Masks
from defectory.api.paths import AnyPath, as_path
from defectory.api.predictions import Predictions
from defectory.api.settings import (
    check_flags,
    check_numbers,
    check_optional_numbers,
    check_progress,
    check_text,
)
from defectory.api.updates import Update, learn_labels
from defectory.api.warnings import warn
from defectory.domain import OutputError, ParameterError, Progress
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated
from defectory.workflows.evaluation.evaluate import evaluate
from defectory.workflows.evaluation.results import Evaluation
from defectory.workflows.providers import running_on
from defectory.workflows.recalibrating.good_images import check_good_images
from defectory.workflows.recalibrating.recalibrate import known_contents, recalibrate_model
from defectory.workflows.scoring.score import decide_images
from defectory.workflows.scoring.summary import note_strange_scores

if TYPE_CHECKING:
    from defectory.artifacts import RecordedSuspect
    from defectory.artifacts.exported import Certificate
    from defectory.calibration import Threshold
    from defectory.calibration.gray_zone import GrayZone
    from defectory.calibration.trade_offs import Holder, TradeOff


class Model:
    """A fitted detector with its threshold: what `defectory.fit` and `defectory.load` give back.

    Models do not change: `update`, `recalibrate`, `with_false_reject_rate` and `with_miss_rate` return
    others. Threads may use one at once. They are pickled and copied as bundles; what reads a pickle runs it
    on the cpu.

    Parameters
    ----------
    calibrated : CalibratedDetector
        what `defectory.workflows` fit and load
    """

    def __init__(self, calibrated: CalibratedDetector) -> None:
        self._calibrated = calibrated

    @property
    def threshold(self) -> "Threshold":
        """The threshold of image scores, with what it promises: `value`, `is_kept`, `explain()`."""
        return self._calibrated.threshold

    @property
    def threshold_(self) -> float:
        """The threshold alone: images are rejected where `decision_function(images) > threshold_`."""
        return self.threshold.value

    @property
    def pixel_threshold(self) -> float:
        """Above it a cell of an anomaly map is defective."""
        return self._calibrated.pixel_threshold

    @property
    def gray_zone(self) -> "GrayZone | None":
        """What is neither accepted nor rejected, with what it promises; None without a miss rate.

        `accept.value`: below it images are accepted; `share`, `low`, `high`: how many good parts to expect
        between the thresholds; `explain()`.
        """
        return self._calibrated.gray_zone

    @property
    def facts(self) -> Mapping[str, Any]:
        """Provenance: data fingerprint, seed, label counts, versions, notes; JSON-ready."""
        return self._calibrated.facts.to_dict()

    @property
    def provider(self) -> str:
        """What runs its networks: cpu, openvino or cuda, as `fit` or `load` was told."""
        return self._calibrated.provider

    @property
    def trade_offs(self) -> "tuple[TradeOff, ...]":
        """What promises from .1 % to 10 % would cost: `threshold`, `recall` and its interval of each.

        Judged on labeled defects that were held out, else on simulated ones (`kind`). The interval is nan
        where they are no sample of defects to come: simulated, or asked about for their scores.
        """
        return self._calibrated.trade_offs

    @property
    def holders(self) -> "tuple[Holder, ...]":
        """Good images that alone cost much of the recall, the costliest first: are they really good?"""
        return self._calibrated.holders

    @property
    def suspects(self) -> "tuple[RecordedSuspect, ...]":
        """Unlabeled images that the fit distrusted, oddest first, at most a hundred, with reasons."""
        return self._calibrated.facts.suspects

    def decision_function(
        self, images: Images, *, progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Return the raw score of each image; higher = more anomalous, `threshold_` is the border.

        Parameters
        ----------
        images : path, paths, array, arrays or ImageSource
            as in `predict`
        progress : Progress or None
            told of each image

        Returns
        -------
        (n,) float64. The score of an image is the same in any company.

        Raises
        ------
        ImageReadError : an image cannot be read.
        ParameterError : what was given is no image.
        """
        found, notes = self._judge(images, progress)
        warn(notes)
        return found.scores

    def predict(self, images: Images, *, progress: Progress | None = None) -> Predictions:
        """Return one decision an image, with regions where it is not accepted.

        Warns (`DefectoryWarning`) where nearly all images score above all good ones of the fit: they may show
        another product, or come from another camera.

        Parameters
        ----------
        images : path, paths, array, arrays or ImageSource
            An image file is one image; a folder or manifest all of its images. A (h, w, 3) array is one
            image, (n, h, w, 3) and (n, h, w) are n; uint8, RGB or gray.
        progress : Progress or None
            told of each image

        Raises
        ------
        ImageReadError : an image cannot be read.
        ParameterError : what was given is no image.
        """
        found, notes = self._judge(images, progress)
        warn(notes)
        return found

    def _judge(
        self, images: Images, progress: Progress | None
    ) -> tuple[Predictions, tuple[str, ...]]:
        check_progress(progress)
        named = name_images(images)
        decisions = decide_images(self._calibrated, named.source, progress=progress)
        strange = note_strange_scores((d.score for d in decisions), self._calibrated)
        return Predictions(decisions, named, self._calibrated), (*strange, *named.notes)

    def evaluate(
        self,
        images: Images,
        labels: Labels | None = None,
        masks: Masks | None = None,
        *,
        groups: Groups | None = None,
        skip_unreadable: bool = False,
        good_words: Collection[str] = (),
        bad_words: Collection[str] = (),
        progress: Progress | None = None,
    ) -> Evaluation:
        """Return figures on labeled images, with intervals; `labels` change nothing else.

        Warns (`DefectoryWarning`) of images that were learned from, and of what is left out.

        Parameters
        ----------
        images, labels, masks : as in `fit`
            Of a folder or manifest the test split is judged, or all where nothing is called test.
        groups : as in `fit`
            intervals resample whole groups
        skip_unreadable : bool
            leave out images that cannot be read
        good_words, bad_words : of str
            words for good and bad parts, as in `fit`
        progress : Progress or None
            told of each image

        Raises
        ------
        DataError : no image is labeled, or an image or mask cannot be read.
        ParameterError : an argument has a wrong type, shape or length.
        """
        check_flags(skip_unreadable=skip_unreadable)
        check_progress(progress)
        if labels is None and not is_path(images):
            raise ParameterError("figures need labels; give one an image: 0 good, 1 defective")
        dataset = as_dataset(
            images, labels, masks, groups, good_words=good_words, bad_words=bad_words
        )
        found = evaluate(
            self._calibrated, dataset, skip_unreadable=skip_unreadable, progress=progress
        )
        warn(found.notes)
        return found

    def update(
        self,
        images: Images,
        labels: Labels | None = None,
        masks: Masks | None = None,
        *,
        groups: Groups | None = None,
        good_words: Collection[str] = (),
        bad_words: Collection[str] = (),
        cache: bool = True,
        progress: Progress | None = None,
    ) -> Update:
        """Return a new model that has learned labels confirmed later: false alarms, missed defects.

        The data set is not needed; seconds for a few hundred labels. Only detectors such as auto take labels.
        Warns where the new model decides worse on images held out: a wrong label costs more than it teaches.

        Parameters
        ----------
        images : as in `fit`, or a CSV or JSONL manifest
        labels : one an image, normal or anomalous; None with a manifest
        masks, groups : as in `fit`
        good_words, bad_words : of str
            words for good and bad parts, as in `fit`
        cache : bool
            take features from the cache of earlier fits, and keep them there
        progress : Progress or None
            told of each image

        Raises
        ------
        ParameterError : the detector takes no labels, or an argument has a wrong type, shape or length.
        DataError : no image has a label, one has two, or cannot be read.
        """
        check_flags(cache=cache)
        check_progress(progress)
        if labels is None and not is_path(images):
            raise ParameterError("update takes labels; give one an image: 0 good, 1 defective")
        dataset = as_dataset(
            images, labels, masks, groups, good_words=good_words, bad_words=bad_words
        )
        # a copy of its own, as its bundle has it: others may score meanwhile, and a model that was never
        # saved learns what its bundle would learn
        own = deepcopy(self)._calibrated
        found = learn_labels(own, dataset, cache=cache, progress=progress)
        threshold = found.model.threshold
        worse = found.effect.why_worse(found.model.promise.false_reject_rate)
        warn(
            [
                *found.notes,
                *([] if threshold.is_kept else [threshold.explain()]),
                *(
                    [f"the new model decides worse: {worse}. Are all labels right?"]
                    if worse
                    else []
                ),
            ]
        )
        return Update(
            model=Model(found.model),
            flips=found.flips,
            still_wrong=found.still_wrong,
            threshold_before=found.threshold_before,
            account=found.account,
        )

    def recalibrate(
        self,
        images: Images,
        *,
        groups: Groups | None = None,
        add: bool = False,
        good_words: Collection[str] = (),
        bad_words: Collection[str] = (),
        progress: Progress | None = None,
    ) -> Self:
        """Return a new model with a threshold fitted anew on good images as they are now.

        Nothing else is learned: scores stay. `facts["recalibrations"]` says what the threshold was and is,
        and how many of the images the one before rejected. Warns (`DefectoryWarning`) of images that are left
        out, and where they are too few for the promise.

        Parameters
        ----------
        images : as in `fit`
            all are taken as good. Those that a folder's name or a manifest calls defective, those of a test
            split, and those that the model has learned from are left out.
        groups : as in `fit`
        add : bool
            keep the held-out scores of this model beside the new ones, where nothing has changed
        good_words, bad_words : of str
            words for good and bad parts, as in `fit`
        progress : Progress or None
            told of each image

        Raises
        ------
        ParameterError : an argument has a wrong type, shape or length.
        DataError : no image is left, or one cannot be read.
        """
        check_flags(add=add)
        check_progress(progress)
        dataset = as_dataset(images, groups=groups, good_words=good_words, bad_words=bad_words)
        good = check_good_images(dataset, known_contents(self._calibrated, keeps_old=add))
        found = recalibrate_model(self._calibrated, good, keeps_old=add, progress=progress)
        threshold = found.model.threshold
        warn([*found.notes, *([] if threshold.is_kept else [threshold.explain()])])
        return type(self)(found.model)

    def alarm(self, path: AnyPath | None = None) -> Alarm:
        """Return an alarm that rings when scores of passing parts have risen, so that the promise is broken.

        Parameters
        ----------
        path : str, Path or None
            of an alarm that `Alarm.save` or `defectory score --alarm` wrote, to go on with; where there is no
            such file, and with None, a new one

        Raises
        ------
        DataError : the file is damaged, or of another model's alarm.
        ParameterError : the model has no threshold, since there were no good images to fit it on.
        """
        return alarm_of(self._calibrated, path)

    def with_false_reject_rate(self, rate: float, confidence: float | None = None) -> Self:
        """Return the model with another promise; nothing is fitted again, scores stay.

        Parameters
        ----------
        rate : float in (0, 1)
            share of good parts that may be rejected
        confidence : float in (0, 1) or None
            how surely that is to hold; None keeps the model's

        Raises
        ------
        ParameterError : a number is out of its range.
        """
        check_numbers(rate=rate)
        check_optional_numbers(confidence=confidence)
        other = self._calibrated.with_false_reject_rate(rate, confidence)
        _ = other.threshold  # refuses a rate outside (0, 1)
        return type(self)(other)

    def with_miss_rate(self, rate: float | None) -> Self:
        """Return the model with another promise on defects; nothing is fitted again, scores stay.

        Parameters
        ----------
        rate : float in (0, 1) or None
            share of defects like the labeled ones that may be accepted, see `gray_zone`; None for no such
            promise: what is not rejected is accepted

        Raises
        ------
        ParameterError : the rate is out of its range.
        """
        check_optional_numbers(rate=rate)
        other = self._calibrated.with_miss_rate(rate)
        _ = other.gray_zone  # refuses a rate outside (0, 1)
        return type(self)(other)

    def save(self, path: AnyPath, *, overwrite: bool = False) -> None:
        """Write the model as one file, a bundle, whole or not at all.

        Parameters
        ----------
        path : str or Path
            such as `parts.defectory`
        overwrite : bool
            replace an existing bundle; anything else that is there stays in either case

        Raises
        ------
        OutputError : there is something that may not be replaced, or the path cannot be written.
        """
        target = as_path(path, "path")
        if os.fspath(path).endswith(("/", os.sep)):
            raise OutputError(f"{path} ends like a folder; give the name of a file")
        if target.exists() and not overwrite:
            raise OutputError(
                f"{target} exists already; choose another name or give overwrite=True"
            )
        self._calibrated.save(target, overwrite=overwrite)

    def export(
        self,
        path: AnyPath,
        *,
        to: str = "onnx",
        precision: str = "fp32",
        images: Images | None = None,
        accept_flips: bool = False,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> "Certificate":
        """Write the model as a folder that ONNX Runtime or OpenVINO runs without Python, and certify it.

        The whole decision is one graph, a decoded image in, score and anomaly map out; `decision.json` beside
        it says how to decide. Before the folder is there, the graph scores the probes that the model keeps,
        in a process of its own. Needs the extra `export`, or `openvino` for that runtime.

        Parameters
        ----------
        path : str or Path
            folder to write, whole or not at all
        to : str
            onnx or openvino
        precision : str
            fp32; fp16, weights in half the bytes; int8, a backbone that computes in 8 bits and a threshold
            fitted again for it
        images : as in `fit`, or None
            good ones, such as those of the fit: for int8, or where the model keeps no probes
        accept_flips : bool
            write the folder even where it decides some probes otherwise than the model
        overwrite : bool
            replace an earlier export; anything else that is there stays in either case
        progress : Progress or None
            told of each image

        Raises
        ------
        ExportError : the detector cannot be exported, or the graph decides otherwise; nothing is written.
        ParameterError : a setting is out of its range.
        MissingExtraError : an extra is not installed.
        OutputError : there is something that may not be replaced, or the path cannot be written.
        """
        return export_to_folder(
            self._calibrated,
            path,
            to=to,
            precision=precision,
            images=images,
            accept_flips=accept_flips,
            overwrite=overwrite,
            progress=progress,
        )

    def __repr__(self) -> str:
        threshold, name = self.threshold, self._calibrated.bundle.detector.name
        n_images = self._calibrated.facts.data.n_images
        promised = "nothing is rejected"
        if threshold.is_of_few:
            promised = "estimated from few images"
        elif threshold.is_estimated:
            promised = (
                f"about {_percent(threshold.false_reject_rate)} of good parts rejected (estimated)"
            )
        elif threshold.n_normals:
            share = max(threshold.bound, threshold.false_reject_rate)
            promised = f"at most {_percent(share)} of good parts rejected"
        return f"Model({name}, {n_images} images, threshold {threshold.value:.4g}, {promised})"

    def __copy__(self) -> "Model":
        _, bundle = self.__reduce__()
        return _model_of_bundle(*bundle, self.provider)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Model":
        return self.__copy__()

    def __reduce__(
        self,
    ) -> tuple[Callable[[bytes, tuple[str, ...]], "Model"], tuple[bytes, tuple[str, ...]]]:
        """Return the bundle and the packages it needs: whoever reads a pickle lets it run code."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.defectory"
            self._calibrated.save(path)
            return _model_of_bundle, (path.read_bytes(), self._calibrated.packages)


def load(path: AnyPath, *, provider: str = "cpu", allow_plugins: str | Iterable[str] = ()) -> Model:
    """Return the model in a bundle; only the base install is needed.

    Parameters
    ----------
    path : str or Path
        of a bundle that `Model.save` or `defectory fit` wrote
    provider : str
        what runs the model's networks, as in `fit`; scores differ by rounding
    allow_plugins : str or several
        names of installed packages whose detectors the bundle may use; they are imported.
        A bundle by itself makes no code of other packages run.

    Raises
    ------
    BundleError : there is none, or it is corrupt, truncated, hostile or newer than this version.
    PluginError : its detector comes from a package that is not installed, not allowed, or broken.
    ParameterError, MissingExtraError : there is no such provider, or it is not installed.

    Warns
    -----
    DefectoryWarning : that package is installed in another version.
    """
    check_text(provider=provider)
    with running_on(provider):
        calibrated = load_calibrated(as_path(path, "path"), allow_plugins=allow_plugins)
    warn(calibrated.bundle.notes)
    return Model(calibrated)


def _model_of_bundle(content: bytes, packages: tuple[str, ...], provider: str = "cpu") -> Model:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.defectory"
        path.write_bytes(content)
        return load(path, provider=provider, allow_plugins=packages)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
