"""The benchmark of exports: processes of their own score real exports, and tables say what was found."""

import pytest

from benchmarks import export, export_tables
from benchmarks.result_files import ToldError, read_runs
from tests.unit.test_suite import material  # noqa: F401  a fixture


def told(tmp_path, **more):
    asked = {"rows": ("gaussian",), "sets": ("ball-screw",), "forms": ("onnx fp32",)}
    return export.Told(
        cache=tmp_path, n_images=6, command="a command", out=tmp_path / "out.jsonl",
        **{**asked, **more},
    )  # fmt: skip


@pytest.mark.thorough
def test_an_export_scores_the_test_set_as_the_bundle_does(material, tmp_path, monkeypatch):  # noqa: F811
    settings = {"size_px": 64, "n_bank": 40, "n_dims": 6}
    monkeypatch.setattr(export, "ROWS", {"small": ("patch-memory", settings)})
    monkeypatch.setattr(export, "SETS", ("ball-screw",))
    monkeypatch.setattr(export_tables, "ROWS", export.ROWS)
    asked = told(tmp_path, rows=("small",))
    export.run(asked)
    (run,) = read_runs(asked.out)
    found = run["forms"]["onnx fp32"]
    assert found["n_flips"] == found["probe_flips"] == 0
    assert found["largest_score_error"] < 1e-4
    assert found["largest_map_error"] < 1e-4
    assert found["auroc"] == found["auroc_before"]
    assert found["images_per_s"] > 0
    before = asked.out.read_bytes()
    export.run(asked)
    assert asked.out.read_bytes() == before
    page = export_tables.exports([run])
    assert f"| small | onnx fp32 | 1 | {found['largest_score_error']:.0e} |" in page


def test_names_are_checked_before_the_first_run(tmp_path):
    for name, value in (("rows", "clever"), ("sets", "moon"), ("forms", "onnx int4")):
        with pytest.raises(ToldError, match=value):
            export.run(told(tmp_path, **{name: (value,)}))


def test_tables_count_flips_and_say_what_could_not_be_exported():
    figures = {
        "largest_score_error": 2e-5, "largest_map_error": 1e-6, "n_flips": 1, "auroc_before": 0.9,
        "auroc": 0.89, "false_rejects": 0.02, "false_rejects_before": 0.01, "images_per_s": 30.0,
        "folder_mb": 14.4, "probe_flips": 0,
    }  # fmt: skip
    runs = [
        {
            "row": "auto", "data_set": name, "n_tested": 200, "python_images_per_s": 20.0,
            "python_one_at_a_time_per_s": 12.0,
            "forms": {"onnx fp32": figures, "onnx int8": {"error": "it is so"}},
        }
        for name in ("lens", "solar")
    ]  # fmt: skip
    page = export_tables.exports(runs)
    assert (
        "| auto | onnx fp32 | 2 | 2e-05 | 1e-06 | 2 of 400 | 0.0100 | 2.0% (1.0%) | 30.0 | 2.50 |"
        in page
    )
    assert "| 1.50 | 14 MB |" in page
    assert "Not exported: auto, solar, onnx int8: it is so" in page
