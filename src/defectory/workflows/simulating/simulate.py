"""Simulated defects on disk: what a network is taught, for a person to see and for `evaluate` to use."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from defectory.backbones.preparation import prepare_image
from defectory.domain import (
    DataError,
    ImageSource,
    Label,
    NoProgress,
    ParameterError,
    Progress,
    check_settings,
)
from defectory.domain.images import Image
from defectory.simulation import (
    AnomalySimulator,
    ForegroundRule,
    GrayThreshold,
    ImageTextures,
    SimulatedAnomaly,
    photograph_textures,
)
from defectory.sources import Dataset, read_dataset, read_images
from defectory.storage import OutputFolder, check_outputs, write_outputs
from defectory.workflows.simulating.contact_sheet import SheetEntry, draw_contact_sheet

SHEET_NAME = "contact-sheet.png"
RECORD_NAME = "simulated.json"
# More are written as images, but a longer sheet is looked at by nobody.
_N_ON_SHEET = 60
_MAX_IMAGES = 10_000


@dataclass(frozen=True)
class SimulationOptions:
    """Settings of `simulate_to_folder`, as on the command line.

    Attributes
    ----------
    n_images : 1 to 10,000, how many defects are simulated
    mix : "broad", which `auto` and `mapl` are taught with, "paper" or "all"
    textures : folder or manifest of texture images; None takes scikit-image's photographs
    foreground : "auto", "off", a gray value from 0 to 255 above which the product lies, or "below:" and
        one below which it lies
    size_px : > 0, side of the square that images are resized to, as training does; 0 keeps their size
    seed : of every draw
    good_words, bad_words : further names and labels for good and for defective parts
    """

    n_images: int = 24
    mix: str = "broad"
    textures: Path | None = None
    foreground: str = "auto"
    size_px: int = 256
    seed: int = 0
    good_words: tuple[str, ...] = ()
    bad_words: tuple[str, ...] = ()


@dataclass(frozen=True)
class SimulationSummary:
    """What `simulate_to_folder` wrote: paths, how many defects of each kind; what was assumed."""

    folder: Path
    sheet: Path
    n_images: int
    n_of_kind: dict[str, int]
    notes: tuple[str, ...] = ()


def simulate_to_folder(
    data: Path | str,
    folder: Path,
    options: SimulationOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SimulationSummary:
    """Simulate defects in normal images of a data set; write the folder whole or not at all.

    It holds a contact sheet, a JSON record, and the images in MVTec layout: `test/good` (the originals),
    `test/<kind>` and `ground_truth/<kind>`, so that `evaluate` reads it. Images are drawn from the train
    split, or from those without a split; without return while they last. Test images are never looked at.

    Raises
    ------
    DataError, ImageReadError : there are no images to start from, or one cannot be read.
    ParameterError : a setting is out of range.
    OutputError : the folder exists or cannot be written.
    MissingExtraError : photographs are needed and scikit-image is not installed.
    """
    options, progress = options or SimulationOptions(), progress or NoProgress()
    _check(options)
    foreground = parse_foreground(options.foreground)
    dataset = read_dataset(data, good_words=options.good_words, bad_words=options.bad_words)
    inputs = [data, *dataset.files()]
    images = _Prepared(_normal_images(dataset).images(), options.size_px)
    textures = photograph_textures()
    if options.textures is not None:
        pictures = read_images(options.textures)
        inputs += [options.textures, *pictures.files()]
        textures = ImageTextures(pictures.images())
    outputs = [OutputFolder(folder, "simulate")]
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    simulator = AnomalySimulator(
        textures=textures,
        mix=options.mix,
        foreground=foreground,
        partners=ImageTextures(images, crop_ratio=(1, 1), recolor=False),
    )
    rng = np.random.default_rng(options.seed)
    with write_outputs(outputs, overwrite=overwrite) as (part,):
        counts = _write_images(images, simulator, options, rng, part, progress)
    return SimulationSummary(
        folder, folder / SHEET_NAME, options.n_images, dict(counts), dataset.notes
    )


def parse_foreground(text: str) -> ForegroundRule:
    """Return the rule that a text names: "auto", "off", "120" or "below:120"; ParameterError."""
    if text == "auto":
        return "auto"
    if text == "off":
        return "off"
    number = text.removeprefix("below:")
    try:
        return GrayThreshold(float(number), inverted=number != text)
    except ParameterError:
        raise
    except ValueError:
        raise ParameterError(
            f"foreground is {text!r}; give auto, off, a gray value from 0 to 255, or below:VALUE "
            "for a product darker than its background"
        ) from None


class _Prepared:
    """Images resized to what training sees, behind the ImageSource protocol."""

    def __init__(self, images: ImageSource, size_px: int) -> None:
        self._images = images
        self._size_px = size_px

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: Sequence[int]) -> list[Image]:
        images = self._images.read(indices)
        if self._size_px == 0:
            return images
        return [prepare_image(image, self._size_px, even_exposure=False) for image in images]

    def fingerprint(self, index: int) -> str:
        return f"{self._images.fingerprint(index)}-{self._size_px}"


def _check(options: SimulationOptions) -> None:
    check_settings(vars(options))
    if not 1 <= options.n_images <= _MAX_IMAGES:
        raise ParameterError(f"n is {options.n_images}; give 1 to {_MAX_IMAGES} images")
    if not 0 <= options.size_px <= 8192:
        raise ParameterError(f"size is {options.size_px} px; give 1 to 8192, or 0 to keep sizes")


def _normal_images(dataset: Dataset) -> Dataset:
    """Return the images that training takes for normal."""
    train = dataset.subset("train")
    usable = (train if len(train) else dataset.subset("")).filter(
        lambda sample: sample.label != Label.ANOMALOUS
    )
    if not len(usable):
        raise DataError(
            f"{dataset.root}: no normal or unlabeled image outside the test split; "
            "put the images to start from under train/good"
        )
    return usable


def _write_images(
    images: ImageSource,
    simulator: AnomalySimulator,
    options: SimulationOptions,
    rng: np.random.Generator,
    part: Path,
    progress: Progress,
) -> Counter[str]:
    entries: list[SheetEntry] = []
    records: list[dict[str, object]] = []
    progress.start("simulating", options.n_images)
    for i in range(options.n_images):
        if i % len(images) == 0:
            order = rng.permutation(len(images))
        original = images.read([int(order[i % len(images)])])[0]
        simulated = simulator.simulate(original, rng)
        name = f"{i:0{len(str(options.n_images))}}"
        _write_one(part, name, original, simulated)
        records.append(_record(name, simulated))
        if i < _N_ON_SHEET:
            entries.append(_entry(original, simulated))
        progress.advance()
    title = f"{options.n_images} simulated defects, mix {options.mix}, seed {options.seed}"
    Pillow.fromarray(draw_contact_sheet(entries, title)).save(part / SHEET_NAME)
    text = json.dumps({"mix": options.mix, "seed": options.seed, "images": records}, indent=1)
    (part / RECORD_NAME).write_text(text + "\n", encoding="utf-8")
    return Counter(str(record["kind"]) for record in records)


def _write_one(part: Path, name: str, original: Image, simulated: SimulatedAnomaly) -> None:
    mask = np.where(simulated.mask, 255, 0).astype(np.uint8)
    for path, array in (
        (part / "test" / "good" / f"{name}.png", original),
        (part / "test" / simulated.kind / f"{name}.png", simulated.image),
        (part / "ground_truth" / simulated.kind / f"{name}_mask.png", mask),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(array).save(path, compress_level=1)


def _record(name: str, simulated: SimulatedAnomaly) -> dict[str, object]:
    return {
        "image": f"test/{simulated.kind}/{name}.png",
        "kind": simulated.kind,
        "opacity": round(simulated.opacity, 3),
        "mask_ratio": round(float(simulated.mask.mean()), 5),
    }


def _entry(original: Image, simulated: SimulatedAnomaly) -> SheetEntry:
    covered = 100 * simulated.mask.mean()
    caption = f"{simulated.kind}   opacity {simulated.opacity:.2f}   {covered:.2g} % of the picture"
    return SheetEntry(original, simulated.image, simulated.mask, caption)
