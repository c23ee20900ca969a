"""Damaged bundles, eighty or thoroughly four hundred, each used by a child process of limited memory."""

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from defectory.artifacts import save_bundle
from defectory.detectors import find_detector
from defectory.domain import ArrayImages
from tests.bundles import bundle_of
from tests.fuzz.bundles import KINDS
from tests.pictures import disc

SEED = 17
LIMIT_S = 10
SMALL = {
    "gaussian": {},
    "auto": {},
    "patch-memory": {"n_bank": 40, "n_dims": 6},
    "mcod": {},
    "mapl": {"n_steps": 4, "n_memory": 3, "width": 0.25},
}
"""Detectors that are fitted in a second or two; bundles of memseg differ from mapl's by their head alone."""


@pytest.fixture(scope="module")
def n_cases(is_thorough):
    return 400 if is_thorough else 80


@pytest.fixture(scope="module")
def outcomes(n_cases, tmp_path_factory):
    """[case, bundle, kind, outcome, text, seconds] of every case."""
    folder = tmp_path_factory.mktemp("fuzz")
    rng = np.random.default_rng(0)
    pictures = ArrayImages([disc(rng, 64) for _ in range(8)])
    for name, settings in SMALL.items():
        detector = find_detector(name)(size_px=64, **settings).fit(pictures)
        save_bundle(bundle_of(detector), folder / f"{name}.defectory")
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.bundles",
        str(folder),
        str(SEED),
        "0",
        str(n_cases),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert "onnxruntime" not in done.stderr  # its log talks past the one line
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_case_is_scored_or_refused_in_one_line(outcomes, n_cases):
    assert [case for case, *_ in outcomes] == list(range(n_cases))
    failed = [row for row in outcomes if row[3] not in ("scored", "refused")]
    assert not failed


def test_none_takes_long(outcomes):
    assert max(row[5] for row in outcomes) < LIMIT_S


def test_each_kind_of_damage_was_done_and_most_of_it_found(outcomes, n_cases):
    kinds = Counter(row[2] for row in outcomes)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) > n_cases / 20
    refused = Counter(row[2] for row in outcomes if row[3] == "refused")
    for kind in ("swap_members", "cut_or_add", "change_network"):
        assert refused[kind] > 0.9 * kinds[kind]
    assert n_cases / 20 < sum(row[3] == "scored" for row in outcomes) < n_cases / 2
