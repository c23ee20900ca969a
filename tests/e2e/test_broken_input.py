"""At least 200 broken images, manifests, masks and bundles: one clear line, no traceback, no output."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.e2e.conftest import run
from tests.pictures import write_mvtec

_N_IMAGES, _N_MANIFESTS, _N_MASKS, _N_BUNDLES = 80, 60, 40, 60
"""Of a thorough run; otherwise a third."""


def _seeds(n):
    return [
        pytest.param(seed, marks=[pytest.mark.thorough] if seed >= n // 3 else [])
        for seed in range(n)
    ]


def _broken(content: bytes, seed: int) -> bytes:
    """Return the content cut off, overwritten, shuffled or replaced, as the seed says."""
    rng = np.random.default_rng(seed)
    data = bytearray(content)
    kind = seed % 5
    if kind == 0:
        return bytes(data[: rng.integers(0, len(data))])
    if kind == 1:
        for i in rng.integers(0, len(data), 1 + len(data) // 50):
            data[i] = rng.integers(256)
        return bytes(data)
    if kind == 2:
        return rng.bytes(int(rng.integers(0, 400)))
    if kind == 3:
        start = int(rng.integers(0, len(data)))
        return bytes(data[:start] + rng.bytes(64) + data[start:])
    start = int(rng.integers(0, len(data) - 8))
    data[start : start + 8] = b"\xff" * 8
    return bytes(data)


def _check(result, *outputs):
    """Either it worked, or it said why in lines of its own and left nothing behind."""
    assert "Traceback" not in result.output
    assert result.exit_code in (0, 1)
    if result.exit_code == 1:
        assert result.output.startswith("defectory: ")
        for output in outputs:
            assert not output.exists()
            assert not list(output.parent.glob(f".{output.name}*"))


@pytest.mark.parametrize("seed", _seeds(_N_IMAGES))
def test_broken_images(seed, bundle, parts, tmp_path):
    source = parts / "test/scratch/000.png"
    folder = tmp_path / "images"
    folder.mkdir()
    suffix = ("png", "jpg", "tif", "bmp", "webp")[seed % 7 % 5]
    path = folder / f"x.{suffix}"
    Image.open(source).convert("RGB").save(path)
    path.write_bytes(_broken(path.read_bytes(), seed))
    _check(run("score", bundle, folder, "-o", tmp_path / "out"), tmp_path / "out")


@pytest.mark.parametrize("seed", _seeds(_N_MANIFESTS))
def test_broken_manifests(seed, parts, tmp_path):
    names = sorted((parts / "train/good").glob("*.png"))[:6]
    path = tmp_path / ("m.csv" if seed % 2 else "m.jsonl")
    if seed % 2:
        text = "path,label\n" + "".join(f"{name},normal\n" for name in names)
    else:
        text = "".join(json.dumps({"path": str(n), "label": "normal"}) + "\n" for n in names)
    path.write_bytes(_broken(text.encode(), seed // 2))
    result = run("fit", path, "-o", tmp_path / "b", "--size", 64, "--max-memory", "1MB")
    _check(result, tmp_path / "b")
    assert result.exit_code == 1  # even a manifest that still reads may not use more than 1 MB


@pytest.mark.parametrize("seed", _seeds(_N_MASKS))
def test_broken_masks(seed, bundle, tmp_path):
    data = write_mvtec(tmp_path / "d", n_train=1, n_good=1, n_defective=1)
    mask = data / "ground_truth/scratch/000_mask.png"
    if seed % 8 == 7:
        Image.new("L", (seed + 1, 7), 255).save(mask)
    else:
        mask.write_bytes(_broken(mask.read_bytes(), seed))
    report, figures = tmp_path / "r.html", tmp_path / "f.json"
    result = run("evaluate", bundle, data, "--report", report, "--json", figures)
    _check(result, report, figures)


@pytest.mark.parametrize("seed", _seeds(_N_BUNDLES))
def test_broken_bundles(seed, bundle, parts, tmp_path):
    path = tmp_path / "broken.defectory"
    path.write_bytes(_broken(bundle.read_bytes(), seed))
    result = run("score", path, parts / "test/good/000.png", "-o", tmp_path / "out")
    _check(result, tmp_path / "out")
    assert result.exit_code == 1 or seed % 5 == 4  # eight equal bytes may be what was there


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fit", "nowhere", "-o", "b"], "nowhere"),
        (["score", "nowhere", ".", "-o", "../out"], "no such file"),
        (["evaluate", "nowhere", "."], "no such file"),
        (["inspect", "nowhere"], "nowhere"),
    ],
)
def test_what_is_not_there_is_named(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good").mkdir()
    (tmp_path / "good/a.png").write_bytes(b"no picture")
    result = run(*arguments)
    _check(result)
    assert result.exit_code == 1
    assert says in result.output


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--size", 100, "multiple of 32"),
        ("--size", -32, "multiple of 32"),
        ("--tiles", 0, "tiles"),
        ("--false-reject-rate", 0, "between 0 and 1"),
        ("--false-reject-rate", 1.5, "between 0 and 1"),
        ("--confidence", 1, "between 0 and 1"),
        ("--backbone", "resnet", "no backbone is named"),
    ],
)
def test_settings_out_of_range_are_refused(option, value, says, parts, tmp_path):
    result = run("fit", parts, "-o", tmp_path / "b", option, value)
    assert result.exit_code in (1, 2)
    assert "Traceback" not in result.output
    assert says in result.output
    assert not list(tmp_path.iterdir())


def test_folders_without_use(tmp_path, bundle):
    (tmp_path / "empty").mkdir()
    only_test = write_mvtec(tmp_path / "d", n_train=0, n_good=2, n_defective=1)
    one = write_mvtec(tmp_path / "one", n_train=1, n_good=1, n_defective=1)
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "a.png").write_bytes((one / "train/good/000.png").read_bytes())
    for arguments, says in (
        (["fit", tmp_path / "empty"], "empty"),
        (["fit", only_test], "test split"),
        (["fit", one], "at least 2"),
        (["evaluate", bundle, flat], "labeled"),
    ):
        more = ["-o", tmp_path / "b"] if arguments[0] == "fit" else []
        result = run(*arguments, *more)
        _check(result, tmp_path / "b")
        assert result.exit_code == 1
        assert says in result.output
