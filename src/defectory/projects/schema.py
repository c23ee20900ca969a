"""Tables of a review's database, and how a database of an earlier version becomes one of this."""

import sqlite3

from defectory.domain import DataError

APPLICATION_ID = 0x64666372
"""In the header of the file ("dfcr"): it is a review of ours."""

_FIRST = """
CREATE TABLE facts (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE images (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    path BLOB NOT NULL UNIQUE,  -- bytes: a file's name need not be text
    content TEXT NOT NULL,      -- SHA-256 of the file, hex digits
    width INTEGER NOT NULL CHECK (width > 0),
    height INTEGER NOT NULL CHECK (height > 0),
    part TEXT,                  -- the group that the data name
    alike INTEGER               -- images of one number are copies
);

CREATE TABLE thumbnails (
    image INTEGER PRIMARY KEY REFERENCES images (id),
    cells BLOB NOT NULL         -- 64 x 64 bytes, grey
);

CREATE TABLE unreadable (
    path BLOB PRIMARY KEY,
    reason TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE versions (
    version INTEGER PRIMARY KEY CHECK (version > 0),
    file TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('preparing', 'proposed', 'current', 'past', 'rejected', 'failed')),
    made_at TEXT NOT NULL,
    parent INTEGER REFERENCES versions (version),
    scores_of INTEGER NOT NULL REFERENCES versions (version),  -- another one's where only the promise differs
    threshold REAL NOT NULL,
    accept_threshold REAL,      -- null: no image is for a person to look at
    false_reject_rate REAL NOT NULL,
    promise TEXT NOT NULL,
    detector TEXT NOT NULL,
    n_labels INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '',
    proposal TEXT               -- JSON; of a bundle that was taught here
);
CREATE UNIQUE INDEX one_current ON versions (state) WHERE state = 'current';
CREATE UNIQUE INDEX one_proposed ON versions (state) WHERE state = 'proposed';

CREATE TABLE scores (
    version INTEGER NOT NULL REFERENCES versions (version),
    image INTEGER NOT NULL REFERENCES images (id),
    score REAL NOT NULL,
    PRIMARY KEY (version, image)
) WITHOUT ROWID;

CREATE TABLE maps (
    version INTEGER NOT NULL REFERENCES versions (version),
    image INTEGER NOT NULL REFERENCES images (id),
    height INTEGER NOT NULL,
    width INTEGER NOT NULL,
    scale REAL NOT NULL,
    cells BLOB NOT NULL,        -- float16, to be multiplied by the scale
    PRIMARY KEY (version, image)
);

CREATE TABLE answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    image INTEGER NOT NULL REFERENCES images (id),
    previous INTEGER NOT NULL,  -- the answer before it on this image; 0 for the first
    what TEXT NOT NULL CHECK (what IN ('label', 'mask')),
    value TEXT CHECK (value IN ('good', 'defective', 'unsure', 'skipped')),  -- null: taken back
    defect_type TEXT NOT NULL,
    mask TEXT,                  -- hex digits that name its file
    who TEXT NOT NULL CHECK (who <> ''),
    at TEXT NOT NULL,
    seconds REAL NOT NULL,
    strategy TEXT NOT NULL,
    client_id TEXT UNIQUE,      -- what a page sends twice counts once
    UNIQUE (image, previous)    -- nobody writes over what he has not seen
);
CREATE INDEX answers_by_image ON answers (image, id);
CREATE TRIGGER answers_stay BEFORE UPDATE ON answers BEGIN
    SELECT RAISE(ABORT, 'answers are never changed');
END;
CREATE TRIGGER answers_remain BEFORE DELETE ON answers BEGIN
    SELECT RAISE(ABORT, 'answers are never removed');
END;
CREATE VIEW last_answers AS
    SELECT * FROM answers
    WHERE id = (SELECT max(later.id) FROM answers AS later WHERE later.image = answers.image);

CREATE TABLE learned (
    version INTEGER NOT NULL REFERENCES versions (version),
    image INTEGER NOT NULL REFERENCES images (id),
    answer INTEGER NOT NULL REFERENCES answers (id),
    PRIMARY KEY (version, image)
) WITHOUT ROWID;
"""

_OWN_ID = "INSERT INTO facts VALUES ('id', lower(hex(randomblob(16))));  -- see REVIEW_ID\n"

MIGRATIONS: tuple[str, ...] = (_FIRST, _OWN_ID)
"""Each makes a database of one version into one of the next; none is ever changed once it is released."""


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Run the migrations that a database lacks, all or none of them.

    Raises
    ------
    DataError : it is of a newer version than this.
    """
    if version_of(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        done = version_of(connection)  # another process may have been faster
        if done > len(MIGRATIONS):
            raise DataError(
                "a newer version of defectory wrote this review; update with  pip install -U defectory"
            )
        for script in MIGRATIONS[done:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection) -> int:
    """Return how many migrations a database has had; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> list[str]:
    """Return the statements of a script: `executescript` would commit what is open."""
    found, part = [], ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            found.append(part)
            part = ""
    return found
