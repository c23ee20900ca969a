"""The table in a user's words: every row is answered rightly, and nothing on disk is lost."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.user_table.areas import AREAS
from tests.e2e.user_table.disk import bad, good, share_bundles
from tests.e2e.user_table.row import Row
from tests.e2e.user_table.running import check_row, run_command

_LEAST = {
    "manifests": 34,
    "label words": 29,
    "folder names": 23,
    "inspect and fit": 90,
    "score and evaluate": 50,
    "other commands": 121,
    "disk": 19,
    "interrupts": 23,
    "Python": 39,
}


def _all_rows() -> Iterator[object]:
    for area, rows in AREAS.items():
        for row in rows:
            marks = [pytest.mark.thorough] if row.thorough else []
            yield pytest.param(row, id=f"{area}: {row.name}".replace("::", ": "), marks=marks)


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Bundles that were fitted once for all rows and all workers."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    folder = base / "table-bundles"
    folder.mkdir(exist_ok=True)
    found = {name: folder / f"{name}.defectory" for name in ("gaussian", "auto")}
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        parts = folder / "parts"
        if not parts.exists():
            good("good", 16)(parts)
            bad("defect", 3, first=50)(parts)
        for name, path in found.items():
            if not path.exists():
                options = ("--detector", name, "--size", "64")
                status, said = run_command(["fit", str(parts), "-o", str(path), *options])
                assert status == 0, said
    share_bundles(found)


@pytest.mark.parametrize("row", list(_all_rows()))
def test_what_a_user_may_try(
    row: Row, bundles: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if row.small_disk is not None and not _can_mount():
        pytest.skip("no small disk can be mounted here: unshare is missing or not allowed")
    place = tmp_path / "user"
    place.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    wrong = check_row(row, place)
    shutil.rmtree(tmp_path, ignore_errors=True)
    assert not wrong, "\n".join(wrong)


def test_the_table_covers_every_area() -> None:
    assert {area: len(rows) >= _LEAST[area] for area, rows in AREAS.items()} == dict.fromkeys(
        _LEAST, True
    )


def test_a_row_is_tried_once() -> None:
    for area, rows in AREAS.items():
        names = [row.name for row in rows]
        assert len(names) == len(set(names)), area


def _can_mount() -> bool:
    command = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
