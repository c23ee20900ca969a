"""600 damaged images, masks, manifests and IDX files: read, or refused in words; in time and in memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.fuzz_inputs import MAX_SECONDS

pytest.importorskip(
    "resource", reason="memory is bounded by the resource module, which Windows lacks"
)


@pytest.mark.parametrize(
    ("kind", "n"), [("images", 250), ("masks", 100), ("manifests", 150), ("idx", 100)]
)
def test_damaged_files_are_read_or_refused_in_words(kind, n, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.fuzz_inputs", kind, str(n), str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["failures"] == []
    assert result["read"] + result["refused"] == n
    assert result["slowest_s"] < MAX_SECONDS
    # damage that is always seen, or never, would test nothing
    assert min(result["read"], result["refused"]) >= n // 50
