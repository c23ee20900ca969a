import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from defectory.cli.main import main
from tests.pictures import write_mvtec


@pytest.fixture(scope="session")
def parts(tmp_path_factory) -> Path:
    return write_mvtec(
        tmp_path_factory.mktemp("data") / "parts", n_train=16, n_good=6, n_defective=6
    )


@pytest.fixture(scope="session")
def bundle(parts, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "parts.defectory"
    result = run("fit", parts, "-o", path, "--size", 64)
    assert result.exit_code == 0, result.output
    return path


def run(*arguments: object) -> Result:
    """Run the command line in this process; an exception other than SystemExit is a failure."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def disk(tmp_path):
    """A disk of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", place], stderr=subprocess.DEVNULL
    ):
        pytest.skip("no permission to mount a small disk")
    yield place
    subprocess.check_call(["umount", place])


def leave(disk, n_bytes):
    """Fill the disk up to a few bytes."""
    status = os.statvfs(disk)
    free = status.f_bavail * status.f_frsize
    (disk / "full").write_bytes(bytes(max(0, free - n_bytes)))
