"""A review's database: made whole, opened by us alone, brought up to date, never torn."""

import sqlite3
from contextlib import closing

import pytest

from defectory.domain import DataError, OutputError
from defectory.projects import DATABASE, ProjectStore, is_project
from defectory.projects.facts import REVIEW_ID, read_fact
from defectory.projects.images import count_images
from defectory.projects.schema import APPLICATION_ID, MIGRATIONS
from tests.unit.projects.rows import add_pictures


def test_a_new_folder_holds_an_empty_review(tmp_path):
    store = ProjectStore.create(tmp_path / "deep" / "review")
    with store.reading() as connection:
        assert count_images(connection) == 0
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
        assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
        assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    assert is_project(store.folder)
    store.close()
    assert is_project(store.folder)


def test_a_review_opens_again_with_what_it_held(store):
    again = ProjectStore.open(store.folder)
    with again.reading() as connection:
        assert count_images(connection) == 3
    again.close()


def id_of(store):
    with store.reading() as connection:
        return read_fact(connection, REVIEW_ID)


def test_every_review_has_an_id_of_its_own_that_stays(store, tmp_path):
    again, other = ProjectStore.open(store.folder), ProjectStore.create(tmp_path / "other")
    assert len(id_of(store)) == 32
    assert id_of(again) == id_of(store) != id_of(other)
    again.close()
    other.close()


def test_a_review_from_before_there_were_ids_gets_one(tmp_path, monkeypatch):
    monkeypatch.setattr("defectory.projects.schema.MIGRATIONS", MIGRATIONS[:1])
    old = ProjectStore.create(tmp_path / "review")
    assert id_of(old) is None
    old.close()
    monkeypatch.undo()
    store = ProjectStore.open(tmp_path / "review")
    assert len(id_of(store)) == 32
    store.close()


def test_a_folder_with_other_files_is_refused_and_stays(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds what is no review \(notes.txt\)"):
        ProjectStore.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_database_of_somebody_else_is_refused_and_stays(tmp_path):
    with closing(sqlite3.connect(tmp_path / DATABASE)) as theirs:
        theirs.execute("CREATE TABLE mine (x)")
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(OutputError, match="no review"):
        ProjectStore.create(tmp_path)
    with pytest.raises(DataError, match="no review"):
        ProjectStore.open(tmp_path)
    assert (tmp_path / DATABASE).read_bytes() == before


@pytest.mark.parametrize("content", [b"", None])
def test_a_database_whose_making_was_interrupted_is_made_anew(tmp_path, content):
    if content is None:
        with closing(sqlite3.connect(tmp_path / DATABASE)) as begun:
            begun.execute("PRAGMA journal_mode = WAL")
    else:
        (tmp_path / DATABASE).write_bytes(content)
    ProjectStore.create(tmp_path).close()
    assert is_project(tmp_path)


def test_a_folder_without_a_review_is_not_opened(tmp_path):
    with pytest.raises(DataError, match="is no review"):
        ProjectStore.open(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_review_of_a_newer_version_is_left_alone(store):
    with store.writing() as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(DataError, match="newer version of defectory"):
        ProjectStore.open(store.folder)


def test_a_damaged_database_is_told_of_in_a_line(store):
    store.close()
    path = store.folder / DATABASE
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(bytes(content))
    with pytest.raises(
        DataError, match=r"^.*review\.sqlite is damaged: [^\n]*$|^.* is no review; [^\n]*$"
    ):
        ProjectStore.open(store.folder)


def test_what_fails_half_way_leaves_nothing(store):
    def write_and_fail():
        with store.writing() as connection:
            add_pictures(connection, ["d.png"])
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    with store.reading() as connection:
        assert count_images(connection) == 3


def test_a_migration_that_fails_leaves_the_version_before(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "defectory.projects.schema.MIGRATIONS",
        (*MIGRATIONS, "CREATE TABLE extra (x);\nNONSENSE;\n"),
    )
    with pytest.raises(OutputError, match="NONSENSE"):
        ProjectStore.create(tmp_path / "review")
    monkeypatch.undo()
    ProjectStore.create(tmp_path / "review").close()


def test_an_older_database_is_brought_up_to_date(store, monkeypatch):
    store.close()
    monkeypatch.setattr(
        "defectory.projects.schema.MIGRATIONS", (*MIGRATIONS, "CREATE TABLE extra (x);\n")
    )
    again = ProjectStore.open(store.folder)
    with again.reading() as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS) + 1
        assert count_images(connection) == 3
        assert connection.execute("SELECT count(*) FROM extra").fetchone()[0] == 0
    again.close()
