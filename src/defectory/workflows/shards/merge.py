"""Complete shards -> one data set with a summary, and a table of all rows where it is asked for."""

import json
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from defectory.domain import NoProgress, Progress
from defectory.remote import Place, RemotePath
from defectory.remote.outgoing import outgoing
from defectory.storage import FileKind, OutputFile, check_outputs, write_outputs
from defectory.storage.kinds import GENERATOR, GENERATOR_KEY, json_object
from defectory.storage.markers import Content, read_content
from defectory.workflows.scoring.rows import check_format, import_arrow, table_name, write_rows
from defectory.workflows.scoring.summary import ListedImage, note_strange
from defectory.workflows.shards.chunk_rows import read_rows
from defectory.workflows.shards.chunks import chunk_name
from defectory.workflows.shards.completeness import read_begun, read_complete
from defectory.workflows.shards.membership import Shard
from defectory.workflows.shards.records import Begun, ShardDone
from defectory.workflows.shards.sorted_rows import SortedRows
from defectory.workflows.shards.tally import Tally

DATASET_NAME, SUMMARY_NAME = "dataset.json", "summary.json"

Json = dict[str, Any]


@dataclass(frozen=True)
class MergedSummary:
    """What came of all shards.

    Attributes
    ----------
    n_shards : as many were merged
    n_images, n_rejected, n_review, n_accepted, n_unreadable : images; n_review: that a person is to look at
    threshold, accept_threshold : None where there was nothing to fit one on
    rejected, review : the worst of them, highest score first, at most `N_LISTED` of each
    has_gray_zone : whether images may be for a person to look at
    notes : whether the images look strange, and what is to be said of the shards
    dataset, summary : the files that say where the rows are, and what they come to
    table : the file of all rows, None where none was asked for
    """

    n_shards: int
    n_images: int
    n_rejected: int
    n_review: int
    n_accepted: int
    n_unreadable: int
    threshold: float | None
    accept_threshold: float | None
    rejected: tuple[ListedImage, ...]
    review: tuple[ListedImage, ...]
    has_gray_zone: bool
    notes: tuple[str, ...]
    dataset: Place
    summary: Place
    table: Place | None


def merge_shards(
    folder: Place, *, file_format: str | None = None, progress: Progress | None = None
) -> MergedSummary:
    """Check that shards are complete, and write `dataset.json` and `summary.json` beside them.

    With a format all rows are written as well, as `score` writes them: `scores.<format>`, the highest score
    first. Nothing is scored; what an earlier merge has written is replaced, and its table written anew where
    no other format is asked for. Memory does not grow with the number of images.

    Raises
    ------
    ShardsError : shards are missing, damaged, or of several runs or lists; it names the command for each.
    OutputError : something else lies in the place of a result, or it cannot be written.
    ParameterError, MissingExtraError : the format is unknown; the extra `parquet` is missing.
    """
    progress = progress or NoProgress()
    import_arrow("merge")
    begun = read_begun(folder)
    earlier = _earlier_table(folder / SUMMARY_NAME)
    file_format = file_format or (earlier["format"] if earlier else None)
    if file_format is not None:
        check_format(file_format)
    with ExitStack() as opened:
        tables = dict.fromkeys(map(table_name, ("jsonl", "csv", "parquet")))
        here = opened.enter_context(outgoing(folder, [*tables, DATASET_NAME, SUMMARY_NAME]))
        outputs = _outputs(here, file_format, earlier)
        check_outputs(outputs, inputs=_shard_folders(folder, begun), overwrite=True)
        shards = read_complete(folder, begun, progress)
        tally = Tally(begun.highest_good)
        rows = tally.count(read_rows(folder, begun, shards))
        if file_format is None:
            deque(rows, maxlen=0)
        else:
            in_order = opened.enter_context(SortedRows())
            in_order.add_rows(rows)
        with write_outputs(outputs, overwrite=True) as (dataset, summary, *parts):
            table = None
            for path, output in zip(parts, outputs[2:], strict=True):
                if file_format is not None and output.path.name == table_name(file_format):
                    more = ["outcome", "accept_threshold"] if begun.has_gray_zone else []
                    write_rows(in_order.rows(), path, file_format, more=more)
                    table = {"name": output.path.name, "format": file_format}
                    table |= asdict(read_content(path))
                else:
                    path.unlink()
            merged = _summarize(folder, begun, shards, tally, table)
            _write_json(dataset, _describe_files(begun, shards))
            _write_json(summary, _describe(merged, begun, shards, table))
    return merged


def _summarize(
    folder: Place, begun: Begun, shards: Sequence[ShardDone], tally: Tally, table: Json | None
) -> MergedSummary:
    counts = tally.counts
    return MergedSummary(
        n_shards=len(shards),
        n_images=counts.total(),
        n_rejected=counts["rejected"],
        n_review=counts["review"],
        n_accepted=counts["accepted"],
        n_unreadable=counts["unreadable"],
        threshold=begun.threshold,
        accept_threshold=begun.accept_threshold,
        rejected=tally.listed("rejected"),
        review=tally.listed("review"),
        has_gray_zone=begun.has_gray_zone,
        notes=(*_notes(shards, tally), *begun.notes),
        dataset=folder / DATASET_NAME,
        summary=folder / SUMMARY_NAME,
        table=None if table is None else folder / table["name"],
    )


def _notes(shards: Sequence[ShardDone], tally: Tally) -> tuple[str, ...]:
    notes = [*note_strange(tally.n_beyond, tally.n_scored)]
    if tally.first_error:
        notes.append(f"unreadable, among others: {tally.first_error}")
    runtimes = sorted({shard.runtime for shard in shards})
    if len(runtimes) > 1:
        notes.append(
            f"shards were scored by {' and '.join(runtimes)}: scores may differ in their last digits"
        )
    return tuple(notes)


def _describe(
    merged: MergedSummary, begun: Begun, shards: Sequence[ShardDone], table: Json | None
) -> Json:
    """Return the summary as JSON."""
    told = asdict(merged)
    for name in ("dataset", "summary", "table"):
        del told[name]
    return {
        GENERATOR_KEY: GENERATOR,
        **told,
        **_run_of(begun),
        "runtimes": sorted({shard.runtime for shard in shards}),
        "table": table,
    }


def _describe_files(begun: Begun, shards: Sequence[ShardDone]) -> Json:
    """Return where all rows are, as JSON."""
    files = [
        {
            "path": f"{Shard(done.shard, begun.run.n_shards).folder_name}/{chunk_name(number)}",
            "n_rows": marker.n_rows,
            "n_bytes": marker.n_bytes,
            "sha256": marker.sha256,
        }
        for done in shards
        for number, marker in enumerate(done.chunks)
    ]
    return {
        GENERATOR_KEY: GENERATOR,
        "format": "parquet",
        "n_rows": sum(shard.n_rows for shard in shards),
        **_run_of(begun),
        "files": files,
    }


def _run_of(begun: Begun) -> Json:
    return {
        "bundle": begun.run.bundle,
        "promise": asdict(begun.run.promise),
        "version": begun.run.version,
    }


def _outputs(folder: Path, file_format: str | None, earlier: Json | None) -> list[OutputFile]:
    """Return the files to write; last the table of an earlier merge, which goes where it is another one."""
    names = [] if file_format is None else [table_name(file_format)]
    if earlier is not None and (folder / earlier["name"]).exists():
        names.append(earlier["name"])
    return [
        OutputFile(folder / DATASET_NAME, json_object("a list of the files of shards")),
        OutputFile(folder / SUMMARY_NAME, json_object("a summary of shards")),
        *(OutputFile(folder / name, _table_of(earlier)) for name in dict.fromkeys(names)),
    ]


def _shard_folders(folder: Place, begun: Begun) -> list[Path]:
    """Return a folder that no result may take the place of; in a store it lies elsewhere."""
    if isinstance(folder, RemotePath):
        return []
    return [folder / Shard(0, begun.run.n_shards).folder_name]


def _table_of(earlier: Json | None) -> FileKind:
    """Return the kind of a table that an earlier merge has written and nobody has changed."""

    def is_ours(path: Path) -> bool:
        if earlier is None or path.name != earlier["name"]:
            return False
        return read_content(path) == Content(earlier["n_bytes"], earlier["sha256"])

    return FileKind("an unchanged table of merge", is_ours)


def _earlier_table(summary: Place) -> Json | None:
    """Return what an earlier merge says of its table; None where it wrote none."""
    try:
        table = json.loads(summary.read_bytes())["table"]
        names = {table_name(table["format"])}
        return table if {*table} == _TABLE_KEYS and table["name"] in names else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


_TABLE_KEYS = {"name", "format", "n_bytes", "sha256"}


def _write_json(path: Path, content: Json) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
