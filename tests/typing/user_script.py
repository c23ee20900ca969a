"""A user's script that touches every public name; `mypy --strict` reads it, nothing runs it."""

import copy
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import PIL.Image
from numpy.typing import NDArray

import defectory
from defectory import (
    Alarm,
    Auto,
    BundleError,
    Certificate,
    CheckpointError,
    DataError,
    Decision,
    DefectoryError,
    DefectoryWarning,
    Detector,
    Evaluation,
    ExportError,
    Gaussian,
    ImageReadError,
    ImageSource,
    Label,
    ManifestError,
    Mapl,
    MaskError,
    MaskSource,
    Mcod,
    MemSeg,
    MissingExtraError,
    Model,
    NotFittedError,
    OutputError,
    ParameterError,
    PatchMemory,
    PluginError,
    Predictions,
    Progress,
    Region,
    ResourceError,
    ShardsError,
    Threshold,
    Update,
    WorseError,
    verify,
)

GRID = np.zeros((4, 64, 64, 3), np.uint8)


class Camera:
    """An image source of one's own."""

    def __len__(self) -> int:
        return 4

    def read(self, indices: Sequence[int]) -> list[NDArray[np.uint8]]:
        return [GRID[i] for i in indices]

    def fingerprint(self, index: int) -> str:
        return str(index)


class Masks:
    """A mask source of one's own."""

    def __len__(self) -> int:
        return 4

    def read(self, index: int) -> NDArray[np.bool_] | None:
        return None


class Printed:
    """Progress of one's own."""

    def start(self, stage: str, total: int) -> None:
        print(stage, total)

    def advance(self, steps: int = 1) -> None:
        print(steps)

    def note(self, text: str) -> None:
        print(text)

    def say(self, text: str) -> None:
        print(text)


def fit_in_every_way() -> list[Model]:
    camera: ImageSource = Camera()
    masks: MaskSource = Masks()
    progress: Progress = Printed()
    detectors: list[Detector] = [
        Auto(), Gaussian(n_tiles=2), PatchMemory(), MemSeg(), Mapl(n_steps=10), Mcod(),
    ]  # fmt: skip
    mask = np.zeros((64, 64), np.bool_)
    return [
        defectory.fit("parts/"),
        defectory.fit(Path("parts.csv"), false_reject_rate=0.02, confidence=0.9, seed=1),
        defectory.fit(["a.png", "b.png"], ["good", None]),
        defectory.fit([Path("a.png"), Path("b.png")], [0, 1], [None, "b_mask.png"]),
        defectory.fit(GRID, np.array([0, 0, 1, -1]), np.zeros((4, 64, 64), np.bool_)),
        defectory.fit(list(GRID), [True, False, True, False], [mask, None, mask, None]),
        defectory.fit([GRID[0], GRID[1, :, :, 0]], [Label.NORMAL, Label.UNLABELED]),
        defectory.fit(camera, (0.0, 1.0, float("nan"), None), masks, groups=["a", "a", 1, None]),
        *(defectory.fit(camera, detector=detector, progress=progress) for detector in detectors),
        defectory.fit(
            "parts/", detector="gaussian", size=128, tiles=2, backbone="timm:resnet18", device="cpu",
            time_budget=60, max_memory=2_000_000_000, cache=False, skip_unreadable=True,
            good_words=["fein"], bad_words={"krumm"},
        ),
    ]  # fmt: skip


def use(model: Model) -> None:
    assert_type(model.threshold, Threshold)
    assert_type(model.threshold_, float)
    assert_type(model.pixel_threshold, float)
    assert_type(model.decision_function(GRID), NDArray[np.float64])
    assert_type(model.facts["seed"], Any)
    print(model.threshold.explain(), [suspect.reason for suspect in model.suspects])
    found: Predictions = model.predict("new/")
    assert_type(found[0], Decision)
    assert_type(found[1:], Predictions)
    assert_type(found.scores, NDArray[np.float64])
    assert_type(found.labels, NDArray[np.int64])
    assert_type(found.names, tuple[str, ...])
    assert_type(found.p_values, NDArray[np.float64])
    assert_type(found.discoveries(0.1), NDArray[np.bool_])
    looked_at = [name for name, o in zip(found.names, found.outcomes, strict=True) if o == "review"]
    zone = model.with_miss_rate(0.05).gray_zone
    print(looked_at, found.p_value_basis, zone and (zone.accept.value, zone.share, zone.explain()))
    assert_type(found.to_records(), list[dict[str, Any]])
    assert_type(found.overlay(0), PIL.Image.Image)
    heat: NDArray[np.float32] | None = found.anomaly_map(0)
    regions: tuple[tuple[Region, ...], ...] = found.regions
    worst = max(found, key=lambda decision: decision.score)
    print(worst.is_anomalous, heat, [region.peak_score for region in regions[0]])
    figures: Evaluation = model.evaluate(GRID, [0, 1, 0, 1])
    assert_type(figures.metrics["image_auroc"], float)
    update: Update = model.update(["a.png"], ["ok"])
    assert_type(update.model, Model)
    print([image.is_right for image in update.flips], update.still_wrong, update.account)
    alarm: Alarm = model.alarm("line.json")
    alarm.update(found)
    alarm.update(found.scores)
    alarm.save(Path("line.json"))
    print(alarm.is_ringing, alarm.rang_at, alarm.n_seen, alarm.log_capital, alarm.explain())
    assert_type(model.recalibrate(GRID, groups=[0, 0, 1, 2], add=True), Model)
    stricter = update.model.with_false_reject_rate(0.001, confidence=0.99)
    stricter.save("parts.defectory", overwrite=True)
    again = defectory.load(Path("parts.defectory"))
    exported = again.export(Path("parts-onnx"), to="openvino", precision="int8", images=GRID)
    assert_type(exported, Certificate)
    print(verify("parts-onnx").is_ok, exported.flips, exported.to_dict(), exported.explain())
    assert_type(copy.deepcopy(again), Model)
    pickle.dumps(again)


def explain(error: Exception) -> str:
    match error:
        case ImageReadError() | MaskError() | ManifestError() | DataError():
            return "data"
        case BundleError() | CheckpointError() | ExportError() | OutputError():
            return "file"
        case (
            ParameterError()
            | NotFittedError()
            | MissingExtraError()
            | ResourceError()
            | ShardsError()
            | WorseError()
            | PluginError()
        ):
            return "call"
        case DefectoryError() | DefectoryWarning():
            return defectory.__version__
        case _:
            raise error
