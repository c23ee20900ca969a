"""Whether shards make one collection: all there, whole, of one run and of the same list of images."""

import shlex
from collections import Counter
from pathlib import Path

from defectory.domain import Progress, ShardsError
from defectory.machine import map_ordered
from defectory.remote import Place
from defectory.remote.copies import N_AT_ONCE
from defectory.workflows.shards.chunks import chunk_name, is_whole
from defectory.workflows.shards.membership import Shard, all_shards
from defectory.workflows.shards.place import command_for, explain_difference, holds_shards
from defectory.workflows.shards.records import (
    BEGUN_NAME,
    DONE_NAME,
    Begun,
    ShardDone,
    read_record,
)

_N_LISTED = 20


def read_begun(folder: Place) -> Begun:
    """Return which collection a folder is of; ShardsError where it holds no shards, or does not say."""
    begun = read_record(folder / BEGUN_NAME, Begun)
    if begun is None and holds_shards(folder):
        raise ShardsError(
            f"{folder}: {BEGUN_NAME} in it is missing or damaged; run any of its shards again: what is "
            "there is kept"
        )
    if begun is None:
        raise ShardsError(
            f"{folder} holds no shards; make them:  defectory score BUNDLE IMAGES --shard 0/N "
            f"-o {shlex.quote(str(folder))}"
        )
    return begun


def read_complete(folder: Place, begun: Begun, progress: Progress) -> list[ShardDone]:
    """Return what all shards say of themselves, in order; the files they speak of are read and whole.

    Raises
    ------
    ShardsError : something is missing, damaged, of another run or another list; each shard is named with the
        command that makes it.
    """
    shards = all_shards(begun.run.n_shards)
    progress.start("checking shards", len(shards))
    done: list[ShardDone] = []
    problems: dict[Shard, str] = {}
    for shard in shards:
        found = read_record(folder / shard.folder_name / DONE_NAME, ShardDone)
        wrong = _explain_wrong(folder / shard.folder_name, shard, found, begun)
        if found is not None and not wrong:
            done.append(found)
        else:
            problems[shard] = wrong
        progress.advance()
    problems |= _find_other_lists(done)
    if problems:
        raise _error(folder, begun, problems)
    n_own, n_listed = sum(shard.n_own for shard in done), done[0].n_listed
    if n_own != n_listed:  # the same list, and yet names that belong to no shard or to two
        raise ShardsError(
            f"{folder}: {n_own:,} of {n_listed:,} images are in shards; score them anew"
        )
    return done


def explain_missing(folder: Place, begun: Begun, shard: Shard, wrong: str) -> str:
    """Return what is wrong with a shard and the command that makes it."""
    return f"shard {shard.index} {wrong}:  {command_for(begun, shard, folder)}"


def _explain_wrong(place: Place, shard: Shard, done: ShardDone | None, begun: Begun) -> str:
    """Return what is wrong with a shard; "" where all is well."""
    if done is None:
        n_there = sum(1 for _ in place.glob("chunk-*.parquet"))
        return f"is not complete ({n_there} files so far)" if n_there else "is missing"
    if done.run != begun.run:
        return f"is {explain_difference(done.run, begun.run)}; remove {place}, then"
    if done.shard != shard.index:
        return f"is shard {done.shard} under another name; remove {place}, then"

    def is_whole_chunk(number: int) -> bool:
        return is_whole(place / chunk_name(number), done.chunks[number])

    n_at_once = 1 if isinstance(place, Path) else N_AT_ONCE
    chunks = range(len(done.chunks))
    for number, is_good in zip(chunks, map_ordered(is_whole_chunk, chunks, n_at_once), strict=True):
        if not is_good:
            is_there = (place / chunk_name(number)).exists()
            return f"has a {'damaged' if is_there else 'missing'} file, {chunk_name(number)}"
    return ""


def _find_other_lists(done: list[ShardDone]) -> dict[Shard, str]:
    """Return the shards that saw another list than most did."""
    lists = Counter((each.n_listed, each.listing) for each in done)
    if len(lists) <= 1:
        return {}
    usual = max(lists, key=lambda known: (lists[known], known))
    return {
        Shard(
            each.shard, each.run.n_shards
        ): f"saw another list of images, of {each.n_listed:,} and not "
        f"{usual[0]:,} (images have come or gone: run it again, or all)"
        for each in done
        if (each.n_listed, each.listing) != usual
    }


def _error(folder: Place, begun: Begun, problems: dict[Shard, str]) -> ShardsError:
    n, of = len(problems), begun.run.n_shards
    in_order = sorted(problems, key=lambda shard: shard.index)
    lines = [explain_missing(folder, begun, shard, problems[shard]) for shard in in_order]
    more = [f"and {n - _N_LISTED} more"] if n > _N_LISTED else []
    are = "is" if n == 1 else "are"
    return ShardsError(
        f"{folder} cannot be merged: of {of} shards {n} {are} missing or not to be used; run",
        (*lines[:_N_LISTED], *more),
    )
