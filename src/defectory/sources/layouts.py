"""Folders -> Dataset: MVTec, a tree of telling folder names, a flat folder, a single file."""

from collections.abc import Callable
from pathlib import Path

from defectory.domain import DataError, Label, ParameterError
from defectory.sources.dataset import Dataset, Sample
from defectory.sources.files import find_images, is_image_name
from defectory.sources.manifests import MANIFEST_READERS
from defectory.sources.masks import MaskIndex, is_mask_folder

SPLIT_FOLDERS = {"train": "train", "val": "train", "validation": "train", "test": "test"}
"""Folder name -> split. Validation images are known in training; the test must not see them."""

_NORMAL = ("good", "normal", "ok")
_ANOMALOUS = ("bad", "ng")
_ANOMALOUS_PREFIXES = ("defect", "anomal")
_UNLABELED = ("unlabeled", "unlabelled", "unknown")
_NAMES = "good/normal/ok, defect*/bad/ng/anomal*, unlabeled/unknown"

# Of one image, from the folders above it: label, split, defect type.
_Reading = tuple[Label, str, str | None]


def read_dataset(path: Path | str, *, layout: str | None = None) -> Dataset:
    """Return the data set in a folder, a manifest (.csv, .jsonl) or a single image file.

    Parameters
    ----------
    path : folder or file
    layout : "mvtec", "tree", "flat", "csv", "jsonl" or "file"
        None finds it. "flat" takes every image at any depth as unlabeled.

    Raises
    ------
    DataError : nothing is there, no images are in it, or the layout is not understood.
    ManifestError : a manifest does not parse.
    ParameterError : the layout is not one of those above.

    Notes
    -----
    mvtec: `train/good`, `test/good`, `test/<defect type>`, `ground_truth/<defect
    type>/<name>_mask.png`; also `train/<defect type>`, `train/unlabeled` and `validation/good`.
    tree: folders at any depth named good, normal, ok; defect*, bad, ng, anomal* (a folder inside
    is the defect type); unlabeled, unknown; the topmost decides. Folders train, val, test give
    the split, and folders masks or ground_truth hold masks by name. Case does not matter.
    flat: images in one folder, all unlabeled; masks as in a tree.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"no such file or folder: {path}")
    chosen = layout or (_find_file_layout(path) if path.is_file() else _find_folder_layout(path))
    if chosen in MANIFEST_READERS:
        return MANIFEST_READERS[chosen](path)
    if chosen == "file":
        return _read_file(path)
    if chosen not in _FOLDER_READERS:
        known = ", ".join([*_FOLDER_READERS, *MANIFEST_READERS, "file"])
        raise ParameterError(f"unknown layout {chosen!r}; known: {known}")
    if not path.is_dir():
        raise DataError(f"layout {chosen!r} needs a folder, but {path} is a file")
    return _read_folder(path, chosen)


def _find_file_layout(path: Path) -> str:
    extension = path.suffix.lower().removeprefix(".")
    if extension in MANIFEST_READERS:
        return extension
    if is_image_name(path):
        return "file"
    raise DataError(f"{path} is neither an image nor a manifest (.csv, .jsonl)")


def _find_folder_layout(root: Path) -> str:
    if (root / "train" / "good").is_dir() or (root / "test" / "good").is_dir():
        return "mvtec"
    folders = {path.relative_to(root).parts[:-1] for path in _require_images(root)}
    folders = {parts for parts in folders if not any(map(is_mask_folder, parts))}
    names = {name.lower() for parts in folders for name in parts}
    if any(_label_of(name) is not None or name in SPLIT_FOLDERS for name in names):
        return "tree"
    if folders == {()}:
        return "flat"
    found = ", ".join(sorted({parts[0] for parts in folders if parts})[:8])
    raise DataError(
        f"layout not understood: {root} holds images in folders named {found}; expected train/good "
        f"(MVTec), folders named {_NAMES}, all images in one folder, or a manifest (.csv, .jsonl). "
        "To take every image as unlabeled, ask for the layout 'flat'"
    )


def _require_images(root: Path) -> list[Path]:
    images = find_images(root)
    if images:
        return images
    if not any(root.iterdir()):
        raise DataError(f"the folder is empty: {root}")
    held = sorted(entry.name for entry in root.iterdir())
    more = f" and {len(held) - 5} more" if len(held) > 5 else ""
    raise DataError(f"no images in {root}; it holds {', '.join(held[:5])}{more}")


def _read_folder(root: Path, layout: str) -> Dataset:
    understand = _FOLDER_READERS[layout]
    images: list[Path] = []
    masks: list[Path] = []
    for path in _require_images(root):
        folders = path.relative_to(root).parts[:-1]
        (masks if any(map(is_mask_folder, folders)) else images).append(path)
    index = MaskIndex(root, masks)
    samples = []
    for path in images:
        relative = path.relative_to(root)
        reading = understand(relative.parts[:-1])
        if reading is not None:
            label, split, defect_type = reading
            mask = index.find(relative.parts[:-1], path.stem)
            name = relative.as_posix()
            samples.append(Sample(path, label, mask, split, None, defect_type, name))
    if not samples:
        raise DataError(f"no images in {root} in the layout {layout!r}; layout=None finds another")
    return Dataset(root, layout, tuple(samples), index.unmatched)


def _understand_mvtec(folders: tuple[str, ...]) -> _Reading | None:
    split = SPLIT_FOLDERS.get(folders[0].lower()) if folders else None
    if split is None:  # pictures beside train and test are documentation
        return None
    if len(folders) == 1 or folders[1].lower() in _UNLABELED:
        return Label.UNLABELED, split, None
    if folders[1].lower() == "good":
        return Label.NORMAL, split, None
    return Label.ANOMALOUS, split, folders[1]


def _understand_tree(folders: tuple[str, ...]) -> _Reading:
    splits = (SPLIT_FOLDERS[name.lower()] for name in folders if name.lower() in SPLIT_FOLDERS)
    split = next(splits, "")
    for at, name in enumerate(folders):
        label = _label_of(name)
        if label is not None:
            inside = [f for f in folders[at + 1 :] if f.lower() not in SPLIT_FOLDERS]
            defect_type = inside[0] if inside and label is Label.ANOMALOUS else None
            return label, split, defect_type
    return Label.UNLABELED, split, None


def _understand_flat(_folders: tuple[str, ...]) -> _Reading:
    return Label.UNLABELED, "", None


def _label_of(folder: str) -> Label | None:
    name = folder.lower()
    if name in _NORMAL:
        return Label.NORMAL
    if name in _ANOMALOUS or name.startswith(_ANOMALOUS_PREFIXES):
        return Label.ANOMALOUS
    return Label.UNLABELED if name in _UNLABELED else None


def _read_file(path: Path) -> Dataset:
    sample = Sample(path, Label.UNLABELED, None, "", None, None, path.name)
    return Dataset(path.parent, "file", (sample,))


_FOLDER_READERS: dict[str, Callable[[tuple[str, ...]], _Reading | None]] = {
    "mvtec": _understand_mvtec,
    "tree": _understand_tree,
    "flat": _understand_flat,
}
