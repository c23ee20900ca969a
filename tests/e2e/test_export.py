"""A fitted bundle is shipped to other runtimes: from Python, from C++, and whatever kills the export."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import defectory
from defectory.artifacts.checksums import check_sums
from defectory.artifacts.exported import read_decision
from defectory.backbones.openvino_sessions import import_openvino
from defectory.domain import ArrayImages
from defectory.sources.images import read_image
from defectory.workflows.calibrated import load_calibrated
from defectory.workflows.exporting.runtimes import OnnxGraph, OpenVinoGraph
from tests.e2e.conftest import run
from tests.pictures import disc, save

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def exported(bundle, tmp_path_factory):
    """An exported folder of the default detector, not to be changed."""
    folder = tmp_path_factory.mktemp("exports") / "onnx"
    result = run("export", bundle, "-o", folder, "-q")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Certified: 0 of ")
    return folder


@pytest.fixture(scope="session")
def strange_images():
    """Images of other sizes and kinds than those of the fit."""
    rng = np.random.default_rng(5)
    gray = np.repeat(rng.integers(0, 255, (50, 70, 1), np.uint8), 3, axis=2)
    return {
        "one pixel": disc(rng, 8)[:1, :1],
        "a strip": disc(rng, 300)[:40],
        "gray": gray,
        "black": np.zeros((64, 64, 3), np.uint8),
        "large": disc(rng, 700),
    }


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_any_image_is_decided_as_by_the_bundle(exported, bundle, parts, strange_images, runtime):
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="the extra openvino is not installed")
    graph = (OnnxGraph if runtime == "onnx" else OpenVinoGraph)(exported / "model.onnx")
    model, decision = load_calibrated(bundle), read_decision(exported)
    tested = [read_image(path) for path in sorted((parts / "test").glob("*/*.png"))[::3]]
    images = [*tested, *strange_images.values()]
    scores, decisions = model.judge(ArrayImages(images))
    for i, image in enumerate(images):
        score, heat = graph.run(image)
        scale = max(abs(scores.image_scores[i]), decision.score_spread)
        assert abs(score - scores.image_scores[i]) <= 1e-4 * scale
        np.testing.assert_allclose(heat, scores.anomaly_maps[i], atol=1e-4 * scale)
        assert decision.outcome(score) == decisions[i].outcome


def test_verifying_imports_the_base_install_and_the_runtime_only(exported):
    program = (
        "import sys, json\nfrom defectory.cli.main import main\n"
        f"main(['verify', {str(exported)!r}], standalone_mode=False)\n"
        "print(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "onnxruntime" in loaded
    assert not loaded & {"onnx", "spox", "openvino", "torch", "skimage", "scipy"}


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """The C++ example, built."""
    for tool in ("cmake", "c++"):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool} to build the C++ example with")
    import_openvino()
    import openvino.utils

    build = tmp_path_factory.mktemp("cpp")
    openvino_dir = f"-DOpenVINO_DIR={openvino.utils.get_cmake_path()}"
    for command in (
        [
            "cmake",
            "-S",
            ROOT / "examples/cpp",
            "-B",
            build,
            openvino_dir,
            "-DCMAKE_BUILD_TYPE=Debug",
        ],
        ["cmake", "--build", build],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "decide"


def decide(example, model, image, threshold):
    command = [example, model, image, repr(threshold)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def test_the_example_in_cpp_decides_alike(example, exported, tmp_path):
    decision = read_decision(exported)
    probes = json.loads((exported / "probes.json").read_text())
    high = max(probes, key=lambda probe: probe["score"])
    low = min(probes, key=lambda probe: probe["score"])
    for status, probe, word in ((1, high, "rejected"), (0, low, "accepted")):
        with Image.open(exported / probe["file"]) as picture:
            picture.convert("RGB").save(tmp_path / "probe.ppm")
        model = exported / "model.onnx"
        found, said, _ = decide(example, model, tmp_path / "probe.ppm", decision.threshold)
        score, outcome = said.split()
        assert (found, outcome) == (status, word)
        scale = max(abs(probe["score"]), decision.score_spread)
        assert float(score) == pytest.approx(probe["score"], abs=1e-3 * scale)


def test_the_example_in_cpp_refuses_what_is_no_picture(example, exported, tmp_path):
    (tmp_path / "cut.ppm").write_bytes(b"P6\n# a comment\n20 20\n255\nabc")
    (tmp_path / "no.ppm").write_bytes(b"P5\n1 1\n255\nabc")
    for name, said in (("cut", "cut off"), ("no", "no binary PPM"), ("missing", "no binary PPM")):
        status, _, error = decide(example, exported / "model.onnx", tmp_path / f"{name}.ppm", 0.5)
        assert status == 2
        assert said in error


DOOMED = """
import sys, itertools
import numpy as np
from pathlib import Path
from defectory.domain import ArrayImages
from defectory.workflows.exporting.export import export_model
from defectory.workflows.exporting.options import ExportOptions
from tests.pictures import disc, save
from tests.unit.workflows.exporting.small_net import model_of

rng = np.random.default_rng(0)
model = model_of(ArrayImages([disc(rng, 40) for _ in range(8)]))
for _ in itertools.count():
    export_model(model, Path(sys.argv[1]), ExportOptions(), bundle_sha256="0" * 64, overwrite=True)
    print("exported", flush=True)
"""


@pytest.mark.thorough
def test_a_killed_export_leaves_the_old_or_the_new_folder(tmp_path):
    folder = tmp_path / "out"
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    rng = random.Random(0)
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", DOOMED, folder],
            stdout=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        assert process.stdout.readline() == "exported\n"
        time.sleep(rng.uniform(0, 0.8))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        check_sums(folder)
        assert (folder / "certificate.json").is_file()
    assert run("verify", folder, "--quiet").exit_code == 0


def test_errors_are_one_line(bundle, tmp_path):
    for arguments, says in (
        (["export", tmp_path / "no.defectory", "-o", tmp_path / "out"], "there is no such file"),
        (
            ["export", bundle, "-o", tmp_path / "out", "--precision", "int8"],
            "int8 needs good images",
        ),
        (["verify", tmp_path], "no folder that `defectory export` wrote"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        (line,) = [x for x in result.output.splitlines() if x.startswith("defectory: ")]
        assert says in line
    assert not (tmp_path / "out").exists()


@pytest.mark.thorough
def test_a_bundle_without_pictures_is_exported_by_pictures_given(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(6):
        save(tmp_path / "good" / f"{i}.png", disc(rng, 40))
    bundle, folder = tmp_path / "a.defectory", tmp_path / "out"
    small = ("--detector", "patch-memory", "--size", 32, "--no-cache", "-q")
    assert run("fit", tmp_path / "good", "-o", bundle, "--no-probes", *small).exit_code == 0
    with zipfile.ZipFile(bundle) as archive:
        assert "probes.msgpack" not in archive.namelist()
    refused = run("export", bundle, "-o", folder, "-q")
    assert refused.exit_code == 1
    assert "keeps no images to check an export by" in refused.output
    result = run("export", bundle, "-o", folder, "--images", tmp_path / "good", "-q", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["certificate"]["is_ok"]
    assert found["certificate"]["n_probes"] == 6 + 6 + 4
    assert defectory.verify(folder).to_dict()["flips"] == []
    images = [read_image(path) for path in sorted((tmp_path / "good").iterdir())]
    again = defectory.load(bundle).export(tmp_path / "again", images=images, precision="fp16")
    assert again.n_probes == 6 + 6 + 4
    with pytest.raises(defectory.ExportError, match="images="):
        defectory.load(bundle).export(tmp_path / "never")
