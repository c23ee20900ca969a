"""One version is current, at most one waits for an answer, and numbers are never given twice."""

import sqlite3
from math import inf

import pytest

from defectory.domain import DataError
from defectory.projects.bundle_versions import (
    current_version,
    fail_unfinished,
    make_current,
    next_version,
    proposed_version,
    read_version,
    read_versions,
)
from tests.unit.projects.rows import version_row


def test_the_one_that_becomes_current_takes_the_place_of_the_other(store):
    with store.writing() as connection:
        assert next_version(connection) == 2
        made = version_row(connection, 2, state="proposed", parent=1, threshold=inf)
        assert proposed_version(connection) == made
        make_current(connection, 2)
        assert current_version(connection).version == 2
        assert current_version(connection).threshold == inf
        assert [row.state for row in read_versions(connection)] == ["past", "current"]
        assert proposed_version(connection) is None


def test_there_cannot_be_two_current_ones(store):
    with pytest.raises(sqlite3.IntegrityError), store.writing() as connection:
        version_row(connection, 2, state="current")


def test_what_was_interrupted_is_told_and_keeps_its_number(store):
    with store.writing() as connection:
        version_row(connection, 2, state="preparing", parent=1)
        assert fail_unfinished(connection) == ["bundles/0002.defectory"]
        assert read_version(connection, 2).state == "failed"
        assert not fail_unfinished(connection)
        assert next_version(connection) == 3
        with pytest.raises(DataError, match="no bundle version 3"):
            read_version(connection, 3)


def test_outcomes_follow_both_thresholds(store):
    with store.writing() as connection:
        plain = read_version(connection, 1)
        gray = version_row(connection, 2, accept_threshold=1.0)
    assert [plain.outcome(score) for score in (0.5, 2.0, 2.1)] == [
        "accepted",
        "accepted",
        "rejected",
    ]
    assert [gray.outcome(score) for score in (0.5, 1.0, 2.1)] == ["accepted", "review", "rejected"]
