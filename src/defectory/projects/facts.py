"""Single facts of a review, by name."""

import sqlite3

REVIEW_ID = "id"
"""A fact of every review: random hex digits that no other has, not even one made anew in its folder."""

COMPLETE = "complete"
"""When all images were there last, and those that are copies known; missing where they never were."""


def read_fact(connection: sqlite3.Connection, key: str) -> str | None:
    """Return a fact, or None where it is not known."""
    row = connection.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def write_fact(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Keep a fact; it replaces the one of that name."""
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))
