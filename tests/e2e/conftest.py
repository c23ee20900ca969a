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
