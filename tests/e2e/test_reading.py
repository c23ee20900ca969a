"""How often a fit opens the files of its data set: counted by Python itself, over the command line."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.caches import with_backbone
from tests.pictures import disc, scratched

COUNTING = """
import collections, json, os, sys
counts = collections.Counter()
root = os.path.realpath(sys.argv[1]) + os.sep

def count(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if path.startswith(root):
            counts[path[len(root):]] += 1

sys.addaudithook(count)
from defectory.cli.main import main
try:
    main(sys.argv[2:], standalone_mode=False)
finally:
    print("COUNTS" + json.dumps(counts))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Good and unlabeled parts, many of them defective, and labeled defects with masks."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    n = {"good": 24, "unlabeled": 24, "defect": 8}
    for folder, count in n.items():
        for i in range(count):
            picture, mask = disc(rng, 96), None
            if folder == "defect" or (folder == "unlabeled" and i % 3 == 0):
                picture, mask = scratched(picture, rng)
            for kind, pixels in (("train", picture), ("ground_truth", mask)):
                if pixels is None or (kind == "ground_truth" and folder != "defect"):
                    continue
                name = f"{i:03}.png" if kind == "train" else f"{i:03}_mask.png"
                path = root / kind / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(
                    np.asarray(pixels, np.uint8) * (255 if kind != "train" else 1)
                ).save(path)
    return root


def count_opens(data, tmp_path, *options):
    bundle = tmp_path / "parts.defectory"
    command = ["fit", data, "-o", bundle, "--overwrite", "--size", "64", *options]
    cache = (
        tmp_path / "cache" if (tmp_path / "cache").exists() else with_backbone(tmp_path / "cache")
    )
    environment = {**os.environ, "DEFECTORY_CACHE": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, str(data), *map(str, command)],
        capture_output=True, text=True, check=False, timeout=300, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout.partition("COUNTS")[2])
    assert len(counts) >= 24 + 24 + 8, "the count sees the files"
    return counts, done.stdout


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="cache"),
        pytest.param(("--no-cache",), id="no-cache", marks=pytest.mark.thorough),
    ],
)
def test_a_fit_of_auto_opens_no_file_more_than_twice(data, tmp_path, options):
    counts, said = count_opens(data, tmp_path, *options)
    assert "Wrote" in said
    often = {name: n for name, n in counts.items() if n > 2}
    assert not often, often


def test_a_second_fit_reads_only_to_know_the_images_again(data, tmp_path):
    """Noise and simulated defects want some of the pixels; the rest comes from the cache."""
    count_opens(data, tmp_path, "--detector", "gaussian")
    counts, _ = count_opens(data, tmp_path, "--detector", "gaussian")
    assert max(counts.values()) <= 2
