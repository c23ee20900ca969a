"""A folder of scores, where an interrupted run goes on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from defectory import __version__
from defectory.calibration.thresholds import check_share
from defectory.domain import NoProgress, Progress
from defectory.machine import at_most_readers, count_readers, map_ordered
from defectory.sources import Dataset, FileImages, Sample, read_image
from defectory.sources.layouts import read_given
from defectory.storage import (
    GrowingFolder,
    OutputFolder,
    check_outputs,
    resumable_folder,
    safe_names,
)
from defectory.storage.markers import Content
from defectory.workflows.calibrated import CalibratedDetector, load_hashed, refuse_swapped
from defectory.workflows.scoring.rows import (
    Row,
    ScoredImage,
    check_format,
    make_row,
    table_name,
    write_rows,
)
from defectory.workflows.scoring.score import CHUNK, score_samples
from defectory.workflows.scoring.summary import ScoreSummary, summarize, worst_first

# Of a row before it is on disk, and of a heatmap while it is drawn; and what writing Parquet loads.
_ROW_BYTES, _HEATMAP_BYTES, _ARROW_BYTES = 4096, 60 * 2**20, 250 * 2**20
# Images that are read once more, to say how many the bundle has learned from.
_MOST_LOOKED_AT = 1000

if TYPE_CHECKING:  # loaded only where it is asked for
    from defectory.reports.content import HeatScale
    from defectory.workflows.memory import MemoryNeed
    from defectory.workflows.scoring.discoveries import Discoveries


def score_to_folder(
    bundle: Path,
    images: Sequence[Path],
    folder: Path,
    *,
    heatmaps: bool = False,
    file_format: str = "jsonl",
    false_reject_rate: float | None = None,
    miss_rate: float | None = None,
    fdr: float | None = None,
    skip_unreadable: bool = False,
    overwrite: bool = False,
    max_memory_bytes: int | None = None,
    alarm: Path | None = None,
    progress: Progress | None = None,
) -> ScoreSummary:
    """Score the images of files, folders, manifests and patterns with a bundle, and write a folder.

    It holds `scores.<format>`, the highest score first and unreadable images last, and with heatmaps
    `heatmaps/<image>.png`. Rows and heatmaps are on disk as soon as they are there, in
    `<folder>.unfinished`; an interrupted run, started again, goes on with the next image. Memory does not
    grow with the number of images but for a few numbers of each.

    Parameters
    ----------
    false_reject_rate, miss_rate : decide by other promises than the bundle's
    fdr : mark discoveries among the images, of which at most this share is false; see `discoveries`
    alarm : file of an alarm that sees the scores when all are there, each image once; see `workflows.alarms`

    Raises
    ------
    ResourceError : it would need more memory than is allowed; nothing was begun.
    DataError, ImageReadError : there are no images, or one cannot be read and skipping was not asked for.
    BundleError : there is no bundle, or it is damaged.
    OutputError : the folder is, holds or lies in what is read, or cannot be written; see `check_outputs`.
    ParameterError, MissingExtraError : the format is unknown, or needs the extra `parquet`; a rate is outside
        (0, 1).
    """
    progress = progress or NoProgress()
    check_format(file_format)
    if fdr is not None:
        check_share("false discovery rate", fdr)
    refuse_swapped(bundle, images)
    output = OutputFolder(folder, "score", is_resumable=True)
    dataset = read_given(images)
    inputs = [bundle, *images, *dataset.files()]
    check_outputs([output], inputs=inputs, overwrite=overwrite, say=progress.say)
    model, digest = load_hashed(bundle, false_reject_rate, miss_rate)
    if alarm is not None:
        from defectory.workflows.alarms import check_alarm

        check_alarm(alarm, model, inputs=inputs, others=[output])
    n_readers = _count_readers(max_memory_bytes, model, dataset, heatmaps, file_format)
    queue = _Queue(dataset, _find_unreadable(dataset, progress) if skip_unreadable else {})
    scale = _heat_scale(model, progress) if heatmaps else None
    pictures = queue.name_pictures() if scale else {}
    table = table_name(file_format)
    with (
        at_most_readers(n_readers),
        resumable_folder(
            output,
            run=_fingerprint(digest, model.promise, bool(scale), model.provider),
            keys=queue.keys,
            files=[table, *pictures.values()],
            say=progress.say,
            overwrite=overwrite,
        ) as growing,
    ):
        _record_rest(queue, _Recorder(model, growing, pictures, scale), progress)
        order = worst_first(growing.rows())
        found = _find_discoveries(model, growing, fdr)
        rows = growing.rows(order) if found is None else found.mark(growing.rows(order))
        more = _more_columns(model, found, scale)
        write_rows(rows, growing.path(table), file_format, more=more)
        notes = (*_note_known(model, queue), *model.bundle.notes, *dataset.notes)
        summary = summarize(
            growing.rows(order), model, folder / table, notes, has_heatmaps=bool(scale)
        )
        summary = replace(summary, discoveries=found, provider=model.provider)
        if alarm is None:
            return summary
        from defectory.workflows.alarms import watch_rows

        seen = watch_rows(alarm, model, queue.readable, growing.rows())
        return replace(summary, alarm=seen)


def _record_rest(queue: "_Queue", recorder: "_Recorder", progress: Progress) -> None:
    """Score the images that have no row yet; pictures are drawn by threads while the next are scored."""
    growing, n_readable = recorder.growing, len(queue.readable)
    n_done = growing.n_done
    progress.start("scoring", n_readable)
    progress.advance(min(n_done, n_readable))
    scored = score_samples(recorder.model, queue.readable[n_done:], progress)
    broken = queue.broken[max(0, n_done - n_readable) :]
    for row, files in map_ordered(recorder.record, chain(scored, broken), count_readers()):
        growing.append(row, files)


def _note_known(model: CalibratedDetector, queue: "_Queue") -> tuple[str, ...]:
    """Return what to say of images that the bundle has learned from."""
    return model.note_known(
        FileImages([sample.path for sample in queue.readable]),
        "; `queue` and `review` show them left out",
        most=_MOST_LOOKED_AT,
    )


def _heat_scale(model: CalibratedDetector, progress: Progress) -> "HeatScale | None":
    """Return the colors of heatmaps; None, and say so, where the detector has no maps."""
    detector = model.bundle.detector
    if not detector.capabilities.localizes:
        progress.say(f"{detector.name} judges whole images and has no maps: there are no heatmaps")
        return None
    from defectory.workflows.heat_scale import heat_scale_of

    return heat_scale_of(model)


def _find_unreadable(dataset: Dataset, progress: Progress) -> dict[str, str]:
    from defectory.workflows.readable import find_unreadable

    return find_unreadable(dataset, progress)


def _find_discoveries(
    model: CalibratedDetector, growing: GrowingFolder, fdr: float | None
) -> "Discoveries | None":
    if fdr is None:
        return None
    from defectory.workflows.scoring.discoveries import find_discoveries

    scores = [row["score"] for row in growing.rows() if row["score"] is not None]
    return find_discoveries(model, scores, fdr)


def _more_columns(
    model: CalibratedDetector, found: "Discoveries | None", scale: "HeatScale | None"
) -> list[str]:
    """Return the columns that only some runs have."""
    of_zone = ["outcome", "accept_threshold"] if model.gray_zone is not None else []
    return [*of_zone, *["is_discovery"] * (found is not None), *["heatmap"] * (scale is not None)]


def _count_readers(
    max_memory_bytes: int | None,
    model: CalibratedDetector,
    dataset: Dataset,
    heatmaps: bool,
    file_format: str,
) -> int | None:
    """Return how many images may be read at once within the memory allowed; None where none is set."""
    if max_memory_bytes is None:
        return None
    from defectory.workflows.memory import plan_memory

    need = _memory_need(model, len(dataset), heatmaps, file_format)
    paths = [sample.path for sample in dataset.samples]
    return plan_memory(max_memory_bytes, need, paths).n_readers


def _memory_need(
    model: CalibratedDetector, n_images: int, heatmaps: bool, file_format: str
) -> "MemoryNeed":
    from defectory.workflows.memory import MemoryNeed

    detector = model.bundle.detector
    return MemoryNeed(
        what=f"scoring {n_images} images with {detector.name}",
        fixed_bytes=detector.estimate_score_bytes(CHUNK)
        + _ROW_BYTES * n_images
        + (_ARROW_BYTES if file_format == "parquet" else 0),
        reader_bytes=detector.reader_bytes + (_HEATMAP_BYTES if heatmaps else 0),
        # a heatmap is drawn over the image, which is read a second time while others are scored
        n_decodings=2 if heatmaps else 1,
        advice=" or leave out --heatmaps" if heatmaps else "",
    )


class _Queue:
    """The images in the order of their rows: first those that can be read.

    Attributes
    ----------
    readable : to be scored
    broken : to be listed, with the reason
    keys : of all, to know each again in a later run: another file of that name is another image
    """

    def __init__(self, dataset: Dataset, unreadable: Mapping[str, str]) -> None:
        self.readable = dataset.samples
        if unreadable:
            from defectory.workflows.readable import keep_readable

            self.readable = keep_readable(dataset, dict(unreadable)).samples
        samples = [sample for sample in dataset.samples if sample.name in unreadable]
        self.broken = [
            ScoredImage(sample.name, sample.path, None, error=unreadable[sample.name])
            for sample in samples
        ]
        self.keys = [_key(sample, "") for sample in self.readable]
        self.keys += [_key(sample, "unreadable") for sample in samples]

    def name_pictures(self) -> dict[str, str]:
        """Return name of image -> file of its heatmap."""
        names = [sample.name for sample in self.readable]
        files = safe_names(names, ".png")
        return {name: f"heatmaps/{file}" for name, file in zip(names, files, strict=True)}


class _Recorder:
    """Makes the row of an image, and writes its heatmap where there are any."""

    def __init__(
        self,
        model: CalibratedDetector,
        growing: GrowingFolder,
        pictures: Mapping[str, str],
        scale: "HeatScale | None",
    ) -> None:
        self.model = model
        self.growing = growing
        self._pictures = pictures
        self._scale = scale

    def record(self, item: ScoredImage) -> tuple[Row, dict[str, Content]]:
        """Return the row, and the file that was written for it."""
        row, files = make_row(item, self.model), {}
        if self._scale is not None:
            row["heatmap"] = None
            if item.heat is not None:
                from defectory.workflows.scoring.heatmaps import draw_heatmap

                file = self._pictures[item.name]
                regions = item.decision.regions if item.decision else ()
                image = read_image(item.path)
                picture = draw_heatmap(image, item.heat, self._scale, regions)
                files[file] = self.growing.write(file, picture)
                row["heatmap"] = file
        return row, files


def _fingerprint(bundle_sha256: str, *settings: object) -> str:
    """Return what tells a run from one that would give other rows of the same images."""
    return hashlib.sha256(repr((__version__, bundle_sha256, *settings)).encode()).hexdigest()


def _key(sample: Sample, state: str) -> str:
    try:
        status = sample.path.stat()
    except OSError:
        return f"{sample.name}|gone|{state}"
    return f"{sample.name}|{status.st_size}|{status.st_mtime_ns}|{state}"
