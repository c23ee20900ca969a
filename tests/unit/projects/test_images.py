"""Images are numbered from 1 on, under any name that a file can have."""

import os
from pathlib import Path

import numpy as np
import pytest

from defectory.projects import MissingImageError, NewImage
from defectory.projects.images import (
    add_images,
    known_paths,
    read_alike,
    read_image_row,
    read_thumbnails,
    set_alike,
)


def test_a_name_that_is_no_text_comes_back(store):
    path = Path(os.fsdecode(b"/pictures/caf\xe9.png"))
    image = NewImage(r"caf\xe9.png", path, "f" * 64, (3, 5), "part 1", np.zeros((64, 64), "u1"))
    with store.writing() as connection:
        (number,) = add_images(connection, [image])
        row = read_image_row(connection, number)
        assert known_paths(connection) >= {path, Path("/pictures/a.png")}
    assert (number, row.path, row.width, row.height, row.part) == (4, path, 5, 3, "part 1")


def test_thumbnails_and_likeness_come_in_order(store):
    with store.writing() as connection:
        assert read_thumbnails(connection)[:, 0, 0].tolist() == [0, 1, 2]
        assert read_alike(connection) is None
        set_alike(connection, np.array([0, 1, 0]))
        assert read_alike(connection).tolist() == [0, 1, 0]


def test_an_image_that_is_not_there_is_told_of(store):
    with pytest.raises(MissingImageError, match="no image 9"), store.reading() as connection:
        read_image_row(connection, 9)
