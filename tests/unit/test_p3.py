"""P3: collections are what the protocol says, rows are kept and merged, tables and curves show them all."""

import inspect
import json
import re
import shlex
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from benchmarks import __main__ as command_line
from benchmarks import outlier_plots, outlier_tables, p3, p3_command, p3_runs, tables
from benchmarks.outlier_rivals import gaussian_distances, nearest_distances
from benchmarks.p3 import ABLATIONS, Told, figures
from benchmarks.p3_collections import CLASS_NAMES, DATA, Material, draw_collection, read_material
from benchmarks.provenance import provenance
from benchmarks.result_files import MissingDataError, read_runs, read_sized, rounded
from defectory.detectors.mcod import Mcod
from defectory.domain import ArrayImages
from tests.pictures import disc

ROOT = Path(__file__).parents[2]
CLASSES = np.repeat(np.arange(10), 700).astype(np.uint8)


@pytest.mark.parametrize("ratio", [0.05, 0.1, 0.25])
def test_outliers_are_a_share_of_the_collection(ratio):
    chosen, truth = draw_collection(CLASSES, 3, ratio, 0)
    assert truth.mean() == pytest.approx(ratio, abs=1e-3)
    assert (~truth).sum() == 700
    np.testing.assert_array_equal(truth, CLASSES[chosen] != 3)
    assert len(set(chosen)) == len(chosen)
    again, _ = draw_collection(CLASSES, 3, ratio, 0)
    np.testing.assert_array_equal(again, chosen)


def test_one_kind_means_the_next_class():
    chosen, truth = draw_collection(CLASSES, 9, 0.1, 0, 90, one_kind=True)
    assert set(CLASSES[chosen[truth]]) == {0}
    assert len(chosen) == 100


def test_figures_of_a_perfect_and_a_wrong_ranking():
    truth = np.array([False] * 8 + [True] * 2)
    perfect = figures(np.arange(10.0), truth)
    assert perfect == {"auroc": 1.0, "aupr_out": 1.0, "aupr_in": 1.0}
    assert figures(-np.arange(10.0), truth)["auroc"] == 0.0


def test_rivals_measure_what_they_say():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 3))
    table = np.sort(np.linalg.norm(vectors[:, None] - vectors[None], axis=2), axis=1)
    for found, k in zip(nearest_distances(vectors, (1, 7), n_rows=16), (1, 7), strict=True):
        np.testing.assert_allclose(found, table[:, k], atol=1e-6)
    vectors[0] = 9
    assert gaussian_distances(vectors).argmax() == 0


@pytest.mark.parametrize(
    ("data", "n_good", "n_bad"), [("solar-cells", 1508, 715), ("magnetic-tile", 952, 392)]
)
def test_all_good_images_of_files_belong_and_defects_are_drawn(data, n_good, n_bad):
    try:
        material = read_material(data)
    except MissingDataError as error:
        pytest.skip(str(error))
    assert np.bincount(material.codes).tolist() == [n_good, n_bad]
    chosen, truth = draw_collection(material.codes, 0, 0.2, 3)
    assert truth.mean() == pytest.approx(0.2, abs=1e-3)
    assert (~truth).sum() == n_good
    images = material.select(chosen[:2].tolist())
    assert len(images) == 2
    assert images.fingerprint(0) == material.select([int(chosen[0])]).fingerprint(0)


def told(out, **changes):
    plain = Told(
        data="fashion-mnist", encoder="packaged", classes=(0, 3), ratios=(0.05, 0.1), n_seeds=2,
        cache=out.parent / "cache", command="python -m benchmarks p3", out=out,
    )  # fmt: skip
    return replace(plain, **changes)


def row(**changes):
    plain = {
        "data": "fashion-mnist", "encoder": "packaged", "outliers": "all other classes", "settings": {},
        "time_budget_s": None, "device": "cpu", "class": "T-shirt", "ratio": 0.1, "seed": 0,
        "variant": "", "n": 100, "n_outliers": 10, "wall_s": 1.0,
        "last": {"of chance": 0.4, "slots used": 9.0},
        "mcod": {"auroc": 0.95, "aupr_out": 0.7, "aupr_in": 0.99},
        "protocol": "p3", **provenance(data="d" * 64, weights="w", command="python"),
    }  # fmt: skip
    return plain | changes


def scored(auroc):
    return {"auroc": auroc, "aupr_out": auroc, "aupr_in": auroc}


@pytest.fixture
def measured(monkeypatch):
    """The rows that were measured; the one numbered `fails` is interrupted."""
    done = SimpleNamespace(rows=[], fails=None)

    def measure(told, material, wanted):
        if len(done.rows) == done.fails:
            raise KeyboardInterrupt
        done.rows.append(wanted)
        more = {name: {"ECOD": scored(0.5)} for name in told.methods}
        return row() | {"mcod": scored(0.9), **more} | wanted

    monkeypatch.setattr(p3, "measure", measure)
    material = Material(CLASS_NAMES, CLASSES, ArrayImages, "f")
    monkeypatch.setattr(p3, "read_material", lambda data: material)
    return done


def test_an_interrupted_run_goes_on_with_the_rows_that_are_missing(measured, tmp_path):
    wanted = told(tmp_path / "p3-a.jsonl")
    measured.fails = 3
    with pytest.raises(KeyboardInterrupt):
        p3.run(wanted)
    assert len(read_sized(wanted.out, None)) == 3
    measured.fails = None
    p3.run(wanted)
    assert len(measured.rows) == 8
    assert len({p3_runs.key(r) for r in read_sized(wanted.out, None)}) == 8
    p3.run(wanted)
    assert len(measured.rows) == 8
    p3.run(replace(wanted, again=True))
    assert len(measured.rows) == 16
    assert len(read_sized(wanted.out, None)) == 8


def test_rows_of_a_file_beside_it_are_not_measured_again(measured, tmp_path):
    p3.run(told(tmp_path / "p3-a.jsonl", classes=(0,)))
    p3.run(told(tmp_path / "p3-b.jsonl"))
    assert [r["class"] for r in measured.rows] == ["T-shirt"] * 4 + ["dress"] * 4
    assert len(read_sized(tmp_path / "p3-b.jsonl", None)) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"with_rivals": True}, {"encoder": "scratch-small"}, {"settings": {"n_slots": 4}},
        {"time_budget_s": 60.0}, {"one_kind": True}, {"ablates": True}, {"ratios": (0.2,)},
        {"data": "solar-cells"}, {"n_images": 30},
    ],
)  # fmt: skip
def test_what_differs_in_anything_is_measured(measured, tmp_path, change):
    first = told(tmp_path / "p3-a.jsonl", classes=(0,), ratios=(0.1,), n_seeds=1)
    p3.run(first)
    p3.run(replace(first, out=tmp_path / "p3-b.jsonl", **change))
    n = len(ABLATIONS) - 1 if "ablates" in change else 1  # one concerns networks from scratch
    assert len(measured.rows) == 1 + n


def test_every_ablation_changes_something_and_names_settings_that_there_are():
    defaults = Mcod().config()
    for name, changed in ABLATIONS.items():
        assert name == "as it is" or all(defaults[key] != value for key, value in changed.items())
    scratch = told(Path("a"), encoder="scratch", ablates=True)
    assert p3.variants(scratch) == list(ABLATIONS)
    assert "mean over the image" not in p3.variants(replace(scratch, encoder="packaged"))


def test_a_smoke_run_and_a_result_never_count_as_each_other(measured, tmp_path):
    smoke = told(tmp_path / "p3-a.jsonl", n_images=9)
    p3.run(smoke)
    p3.run(told(tmp_path / "p3-b.jsonl"))
    assert len(measured.rows) == 16
    page = tables.render(read_runs(smoke.out))
    assert "Not measured yet" in page.split("## P3 outliers")[1].split("##")[0]


def test_a_row_is_measured_as_it_says(tmp_path):
    rng = np.random.default_rng(0)
    bright = [np.clip(disc(rng, 32).astype(int) + 90, 0, 255).astype(np.uint8) for _ in range(6)]
    images = np.stack([disc(rng, 32) for _ in range(24)] + bright)
    codes = np.repeat([0, 1], [24, 6]).astype(np.uint8)
    material = Material(
        CLASS_NAMES, codes, lambda chosen: ArrayImages(images[list(chosen)]), "f" * 64
    )
    asked = told(tmp_path / "a.json", settings={"size_px": 64, "n_epochs": 2}, n_threads=1)
    wanted = next(p3.rows(asked, CLASS_NAMES)) | {"ratio": 0.2, "seed": 4}
    found = p3.measure(asked, material, wanted)
    assert (found["n"], found["n_outliers"]) == (30, 6)
    assert found["mcod"]["auroc"] > 0.9
    assert found["data_fingerprint"] == "f" * 16
    assert found["machine"]["threads"] == 1
    assert found["wall_s"] > 0
    assert p3.measure(replace(asked, is_alone=False), material, wanted)["wall_s"] is None
    assert "rivals" not in found
    assert json.loads(json.dumps(rounded(found)))["last"]["step"] > 0


def test_a_row_names_the_device_that_auto_finds_and_the_gpu(monkeypatch, tmp_path):
    torch = pytest.importorskip("torch", reason="torch knows the devices")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H100")
    for there, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        first = next(p3.rows(told(tmp_path / "a", device="auto"), CLASS_NAMES))
        assert first["device"] == device
    assert p3._trained_on("cuda", 2) == {"threads": 2, "gpu": "H100"}
    assert p3._trained_on("cpu", 2) == {"threads": 2}


def test_results_of_several_files_are_merged_and_the_newest_counts():
    def dated(date, **changes):
        return row(**changes, date=date)

    old, new = dated("2026-01-01", mcod=scored(0.5)), dated("2026-02-01", mcod=scored(0.6))
    full = dated("2026-02-01", mcod=scored(0.7), rivals={"ECOD": scored(0.4)})
    other = dated("2026-01-01", seed=1, mcod=scored(0.8))
    runs = [full, other, old, new]
    assert [run["mcod"]["auroc"] for run in p3_runs.merge(runs)] == [0.7, 0.8]
    assert "| **mcod** | .750 | .750 | .750 | .750 |" in tables.render(runs)


def p3_page(*runs):
    page = tables.render(runs)
    for above, line in pairwise(page.split("\n")):
        if above.startswith("|") and line.startswith("|"):
            assert above.count("|") == line.count("|"), line
    return page


def test_several_ratios_get_a_table_over_the_classes_that_all_have():
    runs = [
        row(ratio=0.1, mcod=scored(0.9), rivals={"ECOD": scored(0.6)}),
        row(ratio=0.2, mcod=scored(0.8), rivals={"ECOD": scored(0.5)}),
        row(ratio=0.2, seed=1, mcod=scored(0.7)),
        row(ratio=0.1, mcod=scored(0.1), **{"class": "boot"}),
    ]
    page = p3_page(*runs)
    assert "Mean AUROC over the 1 classes measured at every ratio" in page
    assert "| **mcod** | .900 | .750 ± .071 |" in page
    assert "| ECOD | .600 | .500 |" in page
    assert "figures/p3-ratios.svg" in page
    # ECOD was not measured on boots: no mean beside MCOD's
    assert "| ECOD | .600 |  |  |  |  |" in page
    assert "p3-ratios.svg" not in p3_page(runs[0])


def test_only_fits_that_had_the_machine_to_themselves_have_a_duration():
    timed = [row(wall_s=seconds, seed=i) for i, seconds in enumerate((10.0, 90.0, 20.0, None))]
    assert "Fits: 20 s, the median of 3." in p3_page(*timed)
    assert "the median of" not in p3_page(timed[-1])


def test_what_differs_in_setting_never_shares_a_table():
    runs = [
        row(),
        row(encoder="scratch", time_budget_s=1200.0),
        row(encoder="scratch", time_budget_s=1200.0, device="cuda"),
        row(encoder="scratch", time_budget_s=1200.0, settings={"n_epochs": 60}),
        row(outliers="one kind"),
    ]
    section = p3_page(*runs).split("## P3 outliers")[1]
    titles = re.findall("^### (.*)$", section, re.MULTILINE)
    assert len(titles) == len(set(titles)) == 5
    assert any("20 minutes" in title and "trained on cuda" in title for title in titles)
    assert any("n_epochs 60" in title for title in titles)


def test_the_gpu_stands_in_the_provenance():
    run = row(machine=row()["machine"] | {"gpu": "H100"})
    assert "and H100;" in p3_page(run)


def test_defects_have_their_own_section_with_what_looks_at_places():
    found = {"data": "solar-cells", "class": "solar cell", "outliers": "defects"}
    places = {"gaussian": scored(0.9), "auto": scored(0.92)}
    runs = [
        row(ratio=p, mcod=scored(0.7), places=places, rivals={"Gaussian": scored(0.6)}, **found)
        for p in (0.05, 0.1)
    ]
    page = p3_page(*runs).split("## P3 defects")[1].split("\n## ")[0]
    assert "90 good images; defects: 10 at 0.05, 10 at 0.1" in page
    assert "| `auto`, looks at places | .920 | .920 | .920 | .920 |" in page
    assert "| Gaussian | .600" in page
    assert "AUROC at 0.05" in page


def test_the_ablation_is_in_the_order_of_its_variants():
    names = list(ABLATIONS)
    page = p3_page(*(row(variant=name) for name in reversed(names)))
    shown = [name for name in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE) if name in names]
    assert shown == names


def curve_runs():
    rivals = {f"rival {i}": scored(0.5 + i / 20) for i in range(6)}
    return [
        row(ratio=p, mcod=scored(0.4), rivals=rivals, places={"auto": scored(0.45)})
        for p in (0.05, 0.1, 0.2)
    ]


def test_the_curves_show_mcod_the_best_rivals_and_what_looks_at_places():
    runs = curve_runs()
    ((name, text),) = outlier_plots.figures(runs).items()
    assert name == "p3-ratios.svg"
    assert text == outlier_plots.figures(runs)[name]
    root = ET.fromstring(text)
    words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"mcod", "auto (places)", "rival 5", "rival 4", "rival 3"} <= set(words)
    assert "rival 2" not in words
    # the lowest value lies lowest
    curve = outlier_plots.panel_of(curve_runs()).curves
    assert [c.method for c in curve] == ["rival 5", "rival 4", "rival 3", "auto", "mcod"]
    colors = re.findall('stroke="(#[0-9a-f]{6})"', text)
    assert len(set(colors)) == 5


def test_no_curve_of_one_ratio_or_of_a_smoke_run():
    runs = curve_runs()
    assert outlier_plots.figures(runs[:1]) == {}
    assert outlier_plots.figures([run | {"n_images": 5} for run in runs]) == {}
    ablation = [run | {"variant": "no balance"} for run in runs]
    assert outlier_plots.figures(ablation) == {}


def test_a_rival_that_some_class_lacks_has_no_point_there():
    runs = [
        row(ratio=0.1, rivals={"ECOD": scored(0.6)}),
        row(ratio=0.1, **{"class": "boot"}),
        row(ratio=0.2, rivals={"ECOD": scored(0.6)}),
        row(ratio=0.2, rivals={"ECOD": scored(0.4)}, **{"class": "boot"}),
    ]
    found = outlier_tables.by_ratio(runs, "ECOD", "auroc")
    assert found == {0.1: [], 0.2: [0.5]}


def parsed(*words):
    return command_line.parser().parse_args(["p3", *words])


def test_the_command_beside_a_row_makes_it_again():
    words = [
        "--data", "fashion-mnist", "--encoder", "scratch", "--classes", "1,4", "--ratios", "0.1,0.25",
        "--seeds", "3", "--rivals", "--ablation", "--time-budget-s", "1200", "--device", "auto",
        "--n-threads", "4", "--settings", '{"n_slots": 4}',
    ]  # fmt: skip
    options = parsed(*words)
    command = p3_command._command(options, options.ratios)
    again = command_line.parser().parse_args(shlex.split(command)[3:])
    assert vars(again) == vars(options)


def test_defects_have_three_ratios_unless_told_and_every_data_set_can_be_named(monkeypatch):
    heard = []
    monkeypatch.setattr(p3, "run", heard.append)
    for name in p3_command.DATA:
        options = parsed("--data", name)
        assert options.run(options) == 0
    assert tuple(DATA) == p3_command.DATA
    assert [one.ratios for one in heard] == [(0.1,), (0.05, 0.1, 0.2), (0.05, 0.1, 0.2)]
    assert [one.out.name for one in heard] == [
        "p3-packaged.jsonl", "p3-solar-cells-packaged.jsonl", "p3-magnetic-tile-packaged.jsonl",
    ]  # fmt: skip
    assert len({one.out.parent for one in heard}) == 1


def test_the_results_in_the_repository_are_rows_each_once():
    paths = sorted((ROOT / "benchmarks/results").glob("p3*.jsonl"))
    assert paths
    for path in paths:
        runs = read_runs(path)
        assert len({p3_runs.key(run) for run in runs}) == len(runs) > 0


def test_the_table_of_the_docs_names_the_options_of_as_released():
    page = (ROOT / "docs/detectors/mcod.md").read_text()
    table = page.split("**Where we differ**")[1].split("\n\n")[1]
    named = re.findall(
        "`([a-z_]+)(?:=[^`]*)?`", " ".join(r.split("|")[-2] for r in table.split("\n"))
    )
    assert set(named) == set(ABLATIONS["as released"])
    assert set(named) <= set(inspect.signature(Mcod).parameters)


class Learned:
    """What the pictures need of a fitted detector."""

    n_slots, n_epochs = 4, 2

    def __init__(self, n):
        rng = np.random.default_rng(0)
        self.fitted_scores_ = rng.uniform(1, 2, n).astype(np.float32)
        self.fitted_shares_ = rng.uniform(size=(n, 4))
        self.fitted_coordinates_ = rng.normal(size=(n, 3)).astype(np.float32)
        self.history_ = [{"step": i, "slots used": 4.0, "of chance": 0.5} for i in range(1, 5)]


@pytest.mark.thorough
def test_the_pictures_say_what_they_show_and_stay_small(tmp_path):
    pytest.importorskip("matplotlib", reason="Matplotlib draws the pictures")
    pytest.importorskip("sklearn", reason="scikit-learn makes the map")
    from benchmarks import p3_figures

    codes = np.repeat(np.arange(10), [40, *[2] * 9]).astype(np.uint8)
    fitted = p3_figures.Fitted(0, codes, Learned(58))
    scores = p3_figures.scores_figure(fitted).axes[0]
    legend = [text.get_text() for text in scores.get_legend().get_texts()]
    assert legend[:2] == ["40 T-shirts, which belong", "18 outliers of the other classes"]
    drawn = p3_figures.training_figure(fitted)
    assert [axes.get_title() for axes in drawn.axes] == [
        "Memory slots in use", "Contrast of instances", "Who reads which slot",
    ]  # fmt: skip
    tops = [bar.get_height() for bar in drawn.axes[2].patches]
    assert sum(tops) == 58
    map_axes = p3_figures.tsne_figure(fitted).axes[0]
    assert [len(points.get_offsets()) for points in map_axes.collections] == [40, *[2] * 9]
    assert len({tuple(p.get_facecolor()[0]) for p in map_axes.collections}) == 10
    path = p3_figures.write_png(drawn, tmp_path / "a.png")
    with Image.open(path) as picture:
        assert picture.width > 900


def test_a_picture_that_is_too_large_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="Matplotlib draws the pictures")
    from matplotlib.figure import Figure

    from benchmarks import p3_figures

    monkeypatch.setattr(p3_figures, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match=r"a\.png takes \d+ bytes, 100 at most"):
        p3_figures.write_png(Figure(), tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
