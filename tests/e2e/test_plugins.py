"""The example package from its wheel: fit, bundle, load, score, conformance, without touching our tree."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from defectory.artifacts import load_bundle
from defectory.domain import BundleError
from tests.pictures import write_mvtec

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/acme-defectory"
SEEN = "import os, pathlib\npathlib.Path(os.environ['ACME_SEEN']).touch()\n"


@dataclass
class World:
    """A folder with a data set, bundles, and the package installed in a folder of its own.

    The package leaves a file behind whenever it is imported.
    """

    folder: Path

    def run(self, *arguments, installed=True, program=("-m", "defectory")):
        """Run in a new process; with the package, or as if it were not installed."""
        paths = [str(ROOT / "src"), *([str(self.folder / "site")] if installed else [])]
        self.seen.unlink(missing_ok=True)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "ACME_SEEN": str(self.seen),
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.run(
            [sys.executable, *program, *map(str, arguments)],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    @property
    def seen(self):
        return self.folder / "seen"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    shutil.copytree(EXAMPLE, world.folder / "acme")
    with (world.folder / "acme/src/acme_defectory/__init__.py").open("a") as file:
        file.write(SEEN)
    offline = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    for command in (
        ["wheel", *offline, "--wheel-dir", "wheels", "./acme"],
        ["install", *offline, "--target", "site", "wheels/acme_defectory-1.2-py3-none-any.whl"],
    ):
        done = world.run(*command, installed=False, program=("-m", "pip"))
        assert done.returncode == 0, done.stderr
    write_mvtec(world.folder / "parts")
    return world


@pytest.fixture(scope="module")
def bundle(world):
    fitted = world.run(
        "fit", "parts", "-o", "b", "--size", 64,
        "--detector", "acme-nearest", "--backbone", "acme-edges",
    )  # fmt: skip
    assert fitted.returncode == 0, fitted.stderr
    assert world.seen.exists()
    return world.folder / "b"


def test_the_help_names_plugins_and_imports_none(world):
    shown = " ".join(world.run("fit", "--help").stdout.split())
    assert "|mcod|acme-nearest]" in shown
    assert "|timm:NAME|acme-edges]" in shown
    assert not world.seen.exists()
    assert "acme" not in world.run("fit", "--help", installed=False).stdout


def test_a_bundle_names_the_package_and_its_version(bundle):
    with zipfile.ZipFile(bundle) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    provider = {"name": "acme-defectory", "version": "1.2"}
    assert manifest["detector"]["provider"] == provider
    assert manifest["backbone"]["card"]["provider"] == provider
    assert manifest["facts"]["weights"].endswith(" (acme-defectory 1.2)")


@pytest.mark.parametrize(
    "command",
    [
        ("score", "b", "parts/test", "-o", "out"),
        ("evaluate", "b", "parts"),
        ("update", "b", "l", "-o", "n"),
    ],
)
def test_a_bundle_makes_no_foreign_code_run(command, world, bundle):
    refused = world.run(*command)
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "defectory: b: its detector 'acme-nearest' comes from the package"
    )
    assert "if you trust that package, add  --allow-plugins acme-defectory" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not world.seen.exists()
    missing = world.run(*command, installed=False)
    assert missing.returncode == 1
    assert missing.stderr.endswith("run  pip install acme-defectory==1.2\n")
    assert missing.stderr.count("\n") == 1


def test_it_scores_where_the_package_is_allowed(world, bundle):
    scored = world.run("score", "b", "parts/test", "-o", "out", "--allow-plugins", "acme-defectory")
    assert scored.returncode == 0, scored.stderr
    rows = [
        json.loads(line) for line in (world.folder / "out/scores.jsonl").read_text().splitlines()
    ]
    assert len(rows) == 8
    assert all(row["score"] > 0 for row in rows)
    judged = world.run("evaluate", "b", "parts", "--allow-plugins", "acme-defectory")
    assert judged.returncode == 0, judged.stderr
    missing = world.run(
        "evaluate", "b", "parts", "--allow-plugins", "acme-defectory", installed=False
    )
    assert missing.returncode == 1
    assert "no installed package named 'acme-defectory' offers detectors" in missing.stderr


PYTHON = """
import sys
import defectory
try:
    defectory.load("b")
except defectory.DefectoryError as error:
    print(type(error).__name__)
print("acme_defectory" in sys.modules)
model = defectory.load("b", allow_plugins="acme-defectory")
print(defectory.load("b"))
"""


def test_python_allows_by_name_or_by_an_import(world, bundle):
    done = world.run(PYTHON, program=("-c",))
    assert done.stdout.split()[:2] == ["PluginError", "False"], done.stderr
    assert "Model(acme-nearest, 12 images" in done.stdout


def test_features_of_a_plugin_are_shipped_and_need_it_no_more(world):
    """A bundle of a built-in detector holds the backbone: it scores and learns without the package."""
    fitted = world.run("fit", "parts", "-o", "a", "--size", 64, "--backbone", "acme-edges")
    assert fitted.returncode == 0, fitted.stderr
    (world.folder / "labels.csv").write_text("path,label\nparts/test/scratch/000.png,anomalous\n")
    for installed in (True, False):
        out = f"a-{installed}"
        scored = world.run("score", "a", "parts/test", "-o", out, installed=installed)
        assert scored.returncode == 0, scored.stderr
        taught = world.run("update", "a", "labels.csv", "-o", f"{out}.new", installed=installed)
        assert taught.returncode == 0, taught.stderr
        assert not world.seen.exists()
    rows = [(world.folder / f"a-{i}/scores.jsonl").read_bytes() for i in (True, False)]
    assert rows[0] == rows[1]


def test_a_name_that_nobody_offers_is_refused_with_all_names(world):
    for option, last in (("--detector", "acme-nearest"), ("--backbone", "acme-edges")):
        refused = world.run("fit", "parts", "-o", "c", option, "acme")
        assert refused.returncode == 2
        assert refused.stderr.endswith(f", {last}\n")
        assert not world.seen.exists()


@pytest.mark.thorough
def test_the_package_keeps_what_every_detector_must_keep(world):
    done = world.run(
        world.folder / "acme", "-q", "-p", "no:cacheprovider", "-c", "acme/pyproject.toml",
        program=("-m", "pytest"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_a_bundle_cannot_put_a_command_into_our_mouth(bundle, tmp_path):
    hostile = _rewritten(bundle, tmp_path / "hostile", b'"acme-defectory"', b'"acme; rm -rf ~"')
    with pytest.raises(BundleError) as caught:
        load_bundle(hostile)
    assert "pip install" not in str(caught.value)


def test_another_version_of_the_package_is_said(world, bundle):
    _rewritten(bundle, world.folder / "old", b'"version": "1.2"', b'"version": "1.1"')
    said = "it was fitted with acme-defectory 1.1, and acme-defectory 1.2 is installed: scores may"
    allowed = ("--allow-plugins", "acme-defectory")
    assert f"Note: {said}" in world.run("score", "old", "parts", "-o", "noted", *allowed).stdout
    assert said in world.run("evaluate", "old", "parts", *allowed).stdout
    assert said not in world.run("evaluate", "b", "parts", *allowed).stdout
    load = "import defectory; defectory.load('old', allow_plugins='acme-defectory')"
    assert f"DefectoryWarning: {said}" in world.run(load, program=("-c",)).stderr


def test_a_pickled_model_is_read_in_another_process(world, bundle):
    model = "defectory.load('b', allow_plugins='acme-defectory')"
    write = f"import defectory, pickle; pickle.dump({model}, open('p', 'wb'))"
    read = "import pickle; print(pickle.load(open('p', 'rb')).predict(['parts/test/good/000.png']).scores)"
    assert world.run(write, program=("-c",)).returncode == 0
    done = world.run(read, program=("-c",))
    assert done.returncode == 0, done.stderr


def _rewritten(bundle, path, old, new):
    """The bundle with other words in it, at `path`."""
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "manifest.json":
                assert old in content
                content = content.replace(old, new)
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return path
