"""Rows for tests of the store."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from defectory.projects import NewImage, VersionRow, append_answer
from defectory.projects.answers import no_answer, now
from defectory.projects.bundle_versions import add_version
from defectory.projects.images import add_images


def add_pictures(connection, names):
    return add_images(
        connection,
        [
            NewImage(name, Path("/pictures") / name, f"{i:064x}", (4, 6), None, np.full((64, 64), i, "u1"))
            for i, name in enumerate(names)
        ],
    )  # fmt: skip


def version_row(connection, version, **changes):
    plain = VersionRow(
        version, f"bundles/{version:04}.defectory", "past", now(), None, version, 2.0, None, 0.01,
        "promised", "auto",
    )  # fmt: skip
    row = replace(plain, **changes)
    add_version(connection, row)
    return row


def answered(store, image, value=None, *, who="anna", expected=None, client_id="", **changes):
    answer = replace(no_answer(image), value=value, who=who, at=now(), **changes)
    with store.writing() as connection:
        return append_answer(connection, answer, expected=expected, client_id=client_id)
