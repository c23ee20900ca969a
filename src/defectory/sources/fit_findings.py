"""Whether `fit` would refuse a data set, and where what it learns would be weak."""

from collections.abc import Iterator, Sequence

from defectory.domain import DataError, Label
from defectory.remote.copies import told_remote
from defectory.sources.dataset import Dataset
from defectory.sources.facts import ImageFacts
from defectory.sources.files import explain_skipped
from defectory.sources.findings import Finding, Measured
from defectory.sources.training_part import training_part

_PICTURE_ENDINGS = frozenset(
    [
        ".heic",
        ".heif",
        ".avif",
        ".jxl",
        ".jp2",
        ".j2k",
        ".jpx",
        ".raw",
        ".cr2",
        ".cr3",
        ".nef",
        ".arw",
        ".dng",
        ".orf",
        ".rw2",
        ".raf",
        ".dcm",
        ".svg",
        ".psd",
        ".pdf",
        ".eps",
        ".tga",
        ".exr",
        ".hdr",
        ".ico",
        ".npy",
        ".npz",
        ".mp4",
        ".avi",
        ".mov",
        ".mkv",
        ".zip",
        ".rar",
        ".7z",
        ".tar",
        ".gz",
    ]
)
_FEW_DISTINCT = 0.5


def check_training(dataset: Dataset) -> Iterator[Finding]:
    """Yield why there is too little to learn from, or why its labels look odd."""
    try:
        train = training_part(dataset)
    except DataError as error:
        yield Finding(
            "error",
            "nothing_to_learn",
            told_remote(str(error)),
            "add good images, at least a few dozen; --good NAME and --bad NAME say what names mean",
        )
        return
    labels = train.labels
    n_anomalous = int((labels == Label.ANOMALOUS).sum())
    n_normal = int((labels == Label.NORMAL).sum())
    if n_normal and n_anomalous > n_normal + int((labels == Label.UNLABELED).sum()):
        yield Finding(
            "warning",
            "labels_swapped",
            f"{n_anomalous} anomalous but {n_normal} normal images to learn from: good parts are usually "
            "many more; are the labels swapped?",
            "look at a few; if they are, --good WORD and --bad WORD say what the names or labels mean",
        )
    yield from _check_groups(dataset, train)


def check_variety(dataset: Dataset, measured: Measured) -> Iterator[Finding]:
    """Yield copies that make up most of what is learned from, and test labels of one kind only."""
    try:
        names = {s.name for s in training_part(dataset).samples if s.label is not Label.ANOMALOUS}
    except DataError:
        return
    hashes = [facts.content_hash for sample, facts in measured if sample.name in names]
    n_distinct = len(set(hashes))
    if len(hashes) > 1 and n_distinct <= _FEW_DISTINCT * len(hashes):
        yield Finding(
            "warning",
            "few_distinct",
            f"only {n_distinct} of {len(hashes)} images to learn from {_are(n_distinct)} distinct; "
            "the others are exact copies",
            "add pictures of other good parts: copies teach nothing, and thresholds need variety",
        )


def check_test(dataset: Dataset) -> Iterator[Finding]:
    """Yield a test split that can tell nothing."""
    labels = dataset.subset("test").labels
    known = labels[labels != Label.UNLABELED]
    if len(known) and (known == known[0]).all():
        word = Label(int(known[0])).name.lower()
        yield Finding(
            "warning",
            "test_one_class",
            f"all {len(known)} labeled test images are {word}",
            "add test images of the other kind: without them evaluate cannot tell the two apart",
        )


def check_skipped(dataset: Dataset) -> Iterator[Finding]:
    """Yield files that may be pictures and were skipped because of their ending."""
    pictures = tuple(entry for entry in dataset.skipped if entry[0] in _PICTURE_ENDINGS)
    if pictures:
        yield Finding(
            "warning",
            "skipped_files",
            explain_skipped(pictures),
            "save them as PNG, TIFF or JPEG if they belong to the data",
        )


def check_frames(measured: Measured) -> Iterator[Finding]:
    """Yield files of several pages or frames."""
    several = [sample.name for sample, facts in measured if facts.has_more_frames]
    if several:
        yield Finding(
            "warning",
            "several_frames",
            f"{len(several)} file{'' if len(several) == 1 else 's'} of several pages or frames",
            "only the first is read; save the others as files of their own if they count",
            tuple((name,) for name in several),
        )


def training_names(dataset: Dataset) -> frozenset[str]:
    """Return the names of the images that a fit reads."""
    part = dataset.subset("train")
    return frozenset(s.name for s in (part if len(part) else dataset.subset("")).samples)


def stops_fit(dataset: Dataset, facts: Sequence[ImageFacts | str]) -> tuple[bool, bool]:
    """Return whether unreadable images, and unusable masks, are among those that a fit reads."""
    read = training_names(dataset)
    image = mask = False
    for sample, known in zip(dataset.samples, facts, strict=True):
        if sample.name not in read:
            continue
        if isinstance(known, str):
            image = True
        elif known.mask_problem and sample.label is Label.ANOMALOUS:
            mask = True
    return image, mask


def _check_groups(dataset: Dataset, train: Dataset) -> Iterator[Finding]:
    of_split = {
        split: {s.group for s in dataset.subset(split).samples if s.group}
        for split in ("train", "test")
    }
    across = sorted(of_split["train"] & of_split["test"])
    if across:
        yield Finding(
            "warning",
            "group_across_splits",
            f"{len(across)} group{'' if len(across) == 1 else 's'} of images both in train and in test: "
            f"{', '.join(across[:5])}",
            "move each group into one split; test figures are too good",
        )
    groups = {sample.group for sample in train.samples}
    if len(groups) == 1 and None not in groups and len(train) > 1:
        yield Finding(
            "warning",
            "one_group",
            f"all {len(train)} images to learn from are of one group",
            "give a group to images of one part or batch only; leave the column out if there is none",
        )


def _are(n: int) -> str:
    return "is" if n == 1 else "are"
