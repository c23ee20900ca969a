"""`--provider`: the same decisions, said in the end; what is missing is said before work starts."""

import json
import sys

import pytest

import defectory
from defectory.backbones.onnxruntime_sessions import why_no_gpu
from tests.e2e.conftest import run


def rows_of(folder):
    lines = (folder / "scores.jsonl").read_text().splitlines()
    return {row["image"]: row for row in map(json.loads, lines)}


def test_scores_are_the_same_but_for_rounding(parts, bundle, tmp_path):
    usual = run("score", bundle, parts / "test", "-o", tmp_path / "usual", "--provider", "cpu")
    other = run("score", bundle, parts / "test", "-o", tmp_path / "other", "--provider", "openvino")
    assert (usual.exit_code, other.exit_code) == (0, 0)
    assert "Networks ran" not in usual.output
    assert "Networks ran on openvino.\n" in other.output
    one, two = rows_of(tmp_path / "usual"), rows_of(tmp_path / "other")
    assert set(one) == set(two)
    for name, row in one.items():
        assert row["score"] == pytest.approx(two[name]["score"], rel=1e-4)
        assert row["is_anomalous"] == two[name]["is_anomalous"]


def test_a_bundle_says_what_it_was_fitted_with_and_asks_for_nothing(parts, tmp_path):
    path = tmp_path / "a.defectory"
    fitted = run(
        "fit", parts, "-o", path, "--size", 64, "--detector", "gaussian", "--provider", "openvino"
    )
    assert "Networks ran on openvino.\n" in fitted.output
    model = defectory.load(path)
    assert model.facts["runtime"].startswith("openvino 20")
    assert model.provider == "cpu"


@pytest.mark.skipif(not why_no_gpu(), reason="there is a GPU")
def test_auto_is_the_cpu_where_there_is_no_gpu(parts, bundle, tmp_path):
    image = parts / "test/good/000.png"
    found = run("score", bundle, image, "-o", tmp_path / "out", "--provider", "auto")
    assert "Networks ran on cpu.\n" in found.output
    refused = run("score", bundle, image, "-o", tmp_path / "no", "--provider", "cuda")
    assert refused.exit_code == 1
    assert "the provider cuda is not there: " in refused.output


@pytest.mark.parametrize(
    "command",
    ["fit {data} -o {out}", "score {bundle} {data} -o {out}", "evaluate {bundle} {data}",
     "update {bundle} {data} -o {out}", "recalibrate {bundle} {data} -o {out}",
     "outliers {data} -o {out}", "queue {bundle} {data} -o {out}", "start {data} -o {out}",
     "review {bundle} {data} -o {out}"],
)  # fmt: skip
def test_a_missing_extra_is_said_before_work_starts(command, parts, bundle, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    words = command.format(data=parts, bundle=bundle, out=tmp_path / "out").split()
    refused = run(*words, "--provider", "openvino")
    assert refused.exit_code == 1
    assert refused.output == (
        "defectory: the provider openvino needs an optional part that is not installed: "
        'run  pip install "defectory[openvino]"\n'
    )
    assert not list(tmp_path.iterdir())
