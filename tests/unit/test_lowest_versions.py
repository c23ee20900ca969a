"""constraints-lowest.txt is what pyproject.toml declares, so that CI tries what users may have."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RENDER = "import runpy; print(runpy.run_path('.ci/lowest_versions.py')['render'](), end='')"


def test_the_lowest_versions_are_those_declared():
    command = [sys.executable, "-c", RENDER]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    written = (ROOT / "constraints-lowest.txt").read_text()
    assert done.stdout == written, "run: python .ci/lowest_versions.py"
    assert written.count("\n") > 10
