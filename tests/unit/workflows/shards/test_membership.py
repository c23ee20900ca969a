"""Laws of shards: every name in one, however it is spelled; order on disk is that of the rows."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.domain import OutputError, ParameterError
from defectory.sources.files import natural_key
from defectory.sources.listing import Listing
from defectory.workflows.shards.disk_sorting import DiskSorter
from defectory.workflows.shards.members import Members
from defectory.workflows.shards.membership import Shard, hash_of, image_key
from defectory.workflows.shards.sorted_rows import SortedRows, natural_bytes

NAMES = st.text(st.characters(exclude_characters="/\x00"), min_size=1).map(lambda s: f"a/{s}.png")
ODD = ["a.png", "./a.png", "a\\b.png", "'b.png'", "x/../c.png", "\udce9.png", "é.png", " d.png"]


@given(NAMES, st.integers(1, 50))
@settings(max_examples=60)
def test_every_name_is_in_one_shard(name, n):
    assert sum(Shard(i, n).holds(image_key(name)) for i in range(n)) == 1


@given(NAMES)
@settings(max_examples=60)
def test_spellings_of_a_name_have_one_key(name):
    key = image_key(name)
    for spelled in (f"./{name}", f" '{name}' ", name.replace("/", "\\"), f"b/../{name}"):
        assert image_key(spelled) == key
    assert image_key(key.decode("utf-8", "surrogatepass")) == key


def test_where_an_image_belongs_stays_from_version_to_version():
    names = ("good/001.png", "line 2/ä.jpg", "\udce9.png", "a\\b.png")
    assert [hash_of(image_key(name)) % 16 for name in names] == [11, 10, 2, 5]


def test_shards_that_do_not_exist():
    with pytest.raises(
        ParameterError, match="no shard 4/4; of 4 shards the first is 0/4, the last 3/4"
    ):
        Shard(4, 4)
    with pytest.raises(ParameterError, match="give 0/1"):
        Shard(0, 0)


def test_members_are_the_same_in_any_order_and_each_is_there_once():
    names = [*ODD, *ODD[:3], *(f"{i}.png" for i in range(200))]
    found = []
    for listed in (names, names[::-1]):
        listing = Listing(Path("/nowhere"), lambda listed=listed: iter(listed))
        shards = []
        for i in range(3):
            with Members(listing, Shard(i, 3)) as members:
                chunks = [[sample.name for sample in chunk] for chunk in members.chunks(7)]
                shards.append((members.n_listed, members.listing, members.n_own, chunks))
        found.append(shards)
    assert found[0] == found[1]
    assert {n for n, *_ in found[0]} == {len(names)}
    assert sum(n_own for *_, n_own, _ in found[0]) == len(names)
    given = [name for *_, chunks in found[0] for chunk in chunks for name in chunk]
    assert sorted(given) == sorted({Path(name).as_posix() for name in names})
    assert max(len(chunk) for *_, chunks in found[0] for chunk in chunks) == 7


@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(-9, 9)), NAMES), max_size=20))
@settings(max_examples=40)
def test_rows_come_as_score_writes_them(rows):
    def order(item):
        score, name = item
        return score is None, -score if score is not None else 0, natural_key(PurePosixPath(name))

    with SortedRows() as in_order:
        in_order.add_rows((name, {"score": score, "name": name}) for score, name in rows)
        found = [(row["score"], row["name"]) for row in in_order.rows()]
    assert [order(item) for item in found] == sorted(map(order, rows))


@given(st.lists(st.text("01a/.ö", min_size=1), min_size=2))
@settings(max_examples=60)
def test_bytes_of_names_sort_as_names_do(names):
    by_name = sorted(names, key=lambda name: natural_key(PurePosixPath(name)))
    assert sorted(names, key=natural_bytes) == by_name


def test_no_room_for_sorting_is_one_line():
    with DiskSorter() as sorter:
        sorter._records.execute("pragma max_page_count=20")
        with pytest.raises(
            OutputError, match=r"cannot sort in .*: database or disk is full; name another"
        ):
            sorter.add((bytes(900), b"") for _ in range(1000))
