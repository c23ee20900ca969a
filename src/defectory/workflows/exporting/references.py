"""What an exported folder must reproduce: its probes, with scores and maps of the bundle's own detector."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
from PIL import Image as Pillow

from defectory.artifacts.exported import MAPS, PROBES, ReferenceProbe, as_json
from defectory.artifacts.probes import Probe
from defectory.domain import ArrayImages, BundleError, Decision, ImageReadError, Scores
from defectory.domain.images import Image
from defectory.sources.decoding import open_image
from defectory.sources.images import to_rgb
from defectory.workflows.calibrated import CalibratedDetector

_ENLARGED = 4


@dataclass(frozen=True)
class References:
    """Probes as images, with why each is there and what the bundle says of it."""

    images: Sequence[Image]
    origins: Sequence[str]
    scores: Scores
    decisions: Sequence[Decision]


def make_references(model: CalibratedDetector, probes: Sequence[Probe]) -> References:
    """Return the probes as the model judges them, with some of other sizes and shapes made of the first.

    Raises
    ------
    BundleError : a probe is damaged.
    """
    images = [_decoded(probe, i) for i, probe in enumerate(probes)]
    origins: list[str] = [probe.origin for probe in probes]
    for image in _reshaped(images[0]):
        images.append(image)
        origins.append("reshaped")
    return References(images, origins, *model.judge(ArrayImages(images)))


def write_references(references: References, folder: Path) -> None:
    """Write the probes and what is known of them into an exported folder; OSError as it comes."""
    (folder / "probes").mkdir()
    listed, maps = [], {}
    for i, (image, origin, decision) in enumerate(
        zip(references.images, references.origins, references.decisions, strict=True)
    ):
        name = f"probes/{i:03}.png"
        Pillow.fromarray(image).save(folder / name)
        listed.append(ReferenceProbe(name, origin, float(decision.score), decision.outcome))  # type: ignore[arg-type]
        if references.scores.anomaly_maps is not None:
            maps[name] = np.ascontiguousarray(references.scores.anomaly_maps[i], np.float32)
    (folder / PROBES).write_bytes(as_json(listed))
    (folder / MAPS).write_bytes(safetensors.numpy.save(maps))


def _decoded(probe: Probe, index: int) -> Image:
    where = Path(f"probe {index}")
    try:
        return to_rgb(open_image(probe.png, where), where)
    except ImageReadError as error:
        raise BundleError(f"the bundle's probes are damaged ({error})") from error


def _reshaped(image: Image) -> list[Image]:
    """Return the image enlarged, as strips that lie and stand, and its first pixel."""
    height, width = image.shape[:2]
    large = image.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)
    return [large, image[: max(1, height // 6)], image[:, : max(1, width // 6)], image[:1, :1]]
