"""The benchmarks of few labels: what is drawn, what is measured, what is shown."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from benchmarks import __main__ as command_line
from benchmarks import label_cases, label_plots, label_tables, labels, tables
from benchmarks.label_cases import VARIANTS, Material, Variant, draw_case, named
from benchmarks.provenance import provenance
from benchmarks.result_files import read_runs, write_runs
from defectory.detectors import find_detector
from defectory.detectors.grids import cell_means
from defectory.domain import Label, Scores, Suspect
from defectory.sources import Dataset, Sample

TYPES = ("blowhole", "break", "crack", "fray", "uneven")


def _dataset(label, names, types=(None,), masks=None):
    samples = [
        Sample(Path(n), label, masks, "", None, types[i % len(types)], n)
        for i, n in enumerate(names)
    ]
    return Dataset(Path(), "file", tuple(samples))


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """180 good images, 100 defects with masks, 20 of each type."""
    mask = tmp_path_factory.mktemp("masks") / "mask.png"
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(mask)
    good = _dataset(Label.NORMAL, [f"good-{i}" for i in range(180)])
    defects = _dataset(Label.ANOMALOUS, [f"bad-{i}" for i in range(100)], TYPES, mask)
    tested = _dataset(Label.NORMAL, [f"held-out-{i}" for i in range(50)])
    test = replace(defects, samples=tested.samples + defects.samples)
    return Material(good, defects, test, "f")


def _drawn(material, name, seed=0):
    return draw_case(material, VARIANTS[name], seed)


def _named(case, label):
    return {s.name for s in case.train.samples if s.label == label}


@pytest.mark.parametrize(("percent", "n"), [(5, 9), (10, 20), (20, 45)])
def test_a_contaminated_folder_has_no_labels_and_the_share_it_says(material, percent, n):
    case = _drawn(material, f"p1-contaminated-{percent}")

    assert (len(case.train), case.truth.sum()) == (180 + n, n)
    assert (case.train.labels == Label.UNLABELED).all()
    assert not any(case.train.masks().paths)
    assert len(case.test) == 150 - n


@pytest.mark.parametrize(("n", "n_defects"), [(1, 1), (5, 2), (10, 5), (20, 10), (50, 20)])
def test_a_budget_labels_half_defects_of_the_contaminated_folder(material, n, n_defects):
    case = _drawn(material, f"p1-budget-{n}-masks")
    whole = _drawn(material, "p1-contaminated-10")

    # a smoke run may have too few: the contaminated folder of this test has 20 defects
    assert {s.name for s in case.train.samples} == {s.name for s in whole.train.samples}
    assert case.test == whole.test
    bad, good = (case.train.labels == code for code in (Label.ANOMALOUS, Label.NORMAL))
    assert (bad.sum(), good.sum()) == (n_defects, n - max(1, n // 2))
    assert case.truth[bad].all()
    assert not case.truth[good].any()
    has_mask = np.array([path is not None for path in case.train.masks().paths])
    np.testing.assert_array_equal(has_mask, bad)


def test_a_larger_budget_and_a_higher_ratio_hold_the_smaller_one(material):
    for data, end in (("p1", "-no-masks"), ("p2", "")):
        cases = [_drawn(material, f"{data}-budget-{n}{end}") for n in (1, 5, 10, 20)]
        for few, many in pairwise(cases):
            for label in (Label.NORMAL, Label.ANOMALOUS):
                assert _named(few, label) <= _named(many, label)
    ratios = [_drawn(material, f"p1-contaminated-{r}") for r in (5, 10, 20)]
    bad = [{s.name for s in c.train.samples if s.name.startswith("bad")} for c in ratios]
    assert bad[0] < bad[1] < bad[2]


def test_without_masks_the_same_labels_have_none(material):
    masked, plain = (_drawn(material, f"p1-budget-10-{m}") for m in ("masks", "no-masks"))

    assert [s.label for s in masked.train.samples] == [s.label for s in plain.train.samples]
    assert not any(plain.train.masks().paths)


def test_an_empty_mask_is_not_given(material, tmp_path):
    empty = tmp_path / "empty.png"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(empty)
    samples = tuple(replace(s, mask_path=empty) for s in material.defects.samples)
    changed = replace(material, defects=replace(material.defects, samples=samples))

    assert not any(_drawn(changed, "p1-budget-10-masks").train.masks().paths)


def test_new_types_labels_two_types_only_and_tests_all(material):
    case = _drawn(material, "p1-new-types")
    taught = [s for s in case.train.samples if s.label == Label.ANOMALOUS]

    assert len(taught) == 20
    assert {s.defect_type for s in taught} == {"blowhole", "break"}
    assert all(s.mask_path for s in taught)
    assert (case.train.labels == Label.NORMAL).sum() == 180
    assert {s.defect_type for s in case.test.samples} == {None, *TYPES}


def test_p2_budgets_label_all_good_images_and_so_many_anomalies(material):
    case = _drawn(material, "p2-budget-5")

    assert [(case.train.labels == code).sum() for code in (-1, 0, 1)] == [0, 180, 5]
    assert case.test.labels.sum() == 95


@pytest.mark.parametrize("name", list(VARIANTS))
def test_nothing_that_is_fitted_is_tested_and_order_tells_nothing(material, name):
    case = _drawn(material, name)

    assert not {s.name for s in case.train.samples} & {s.name for s in case.test.samples}
    assert case.train == _drawn(material, name).train
    assert case.train != _drawn(material, name, seed=1).train
    names = [s.name.startswith("bad") for s in case.train.samples]
    np.testing.assert_array_equal(case.truth, names)
    if case.truth.sum() > 5:
        assert 0.2 < np.flatnonzero(case.truth).mean() / len(case.train) < 0.8


def test_anomalies_by_blocks_share_no_block_with_the_test():
    pytest.importorskip("elpv_dataset", reason="the ELPV images are not installed")
    pytest.importorskip("sklearn", reason="scikit-learn splits the cells")
    material = label_cases.read_material("p2-blocks", 0, None)
    place = {path.name: i for i, path in enumerate(label_cases.solar_cells().paths)}
    case = draw_case(material, Variant("p2-blocks", "budget", 50), 0)
    fitted, tested = ({place[s.name] // 64 for s in d.samples} for d in (case.train, case.test))

    assert not fitted & tested
    assert case.test == material.test


def test_protocols_share_their_variants():
    found = named(["p1-contaminated", "p1-new-types", "p2-clean"])

    assert [v.name for v in found].count("p1-clean") == 1
    assert found[-1].name == "p2-clean"
    assert len(VARIANTS) == 30


def test_cells_count_every_pixel_once():
    odd = np.random.default_rng(0).random((33, 50))
    means = cell_means(odd, 16)

    assert means.shape == (16, 16)
    rows, columns = np.arange(33) * 16 // 33, np.arange(50) * 16 // 50
    expected = odd[np.ix_(rows == 7, columns == 3)].mean()
    assert means[7, 3] == pytest.approx(expected)


def test_the_best_dice_is_over_all_thresholds_and_ties_pass_together():
    rng = np.random.default_rng(0)
    values, truth = rng.integers(0, 9, 60) / 8.0, rng.random(60) < 0.3
    every = [
        2 * (truth & (values >= t)).sum() / (truth.sum() + (values >= t).sum()) for t in values
    ]

    assert labels.best_dice(values, truth) == pytest.approx(max(every))
    assert np.isnan(labels.best_dice(values, np.zeros(60, bool)))
    assert labels.best_dice(np.ones(2), np.array([True, False])) == pytest.approx(2 / 3)


def test_cells_are_defective_from_half_on_and_images_with_empty_masks_are_left_out(tmp_path):
    def sample(name, mask, label):
        Image.fromarray(np.zeros((32, 32), np.uint8)).save(tmp_path / name)
        path = None
        if mask is not None:
            path = tmp_path / f"mask-{name}"
            Image.fromarray((255 * mask).astype(np.uint8)).save(path)
        return Sample(tmp_path / name, label, path, "", None, None, name)

    mask = np.zeros((32, 32), bool)
    mask[:2, :2], mask[2:4, 2] = True, True
    mask[4, 4] = True  # a quarter of its cell
    test = Dataset(tmp_path, "file", (
        sample("a.png", mask, Label.ANOMALOUS),
        sample("b.png", np.zeros_like(mask), Label.ANOMALOUS),
        sample("c.png", None, Label.NORMAL),
    ))  # fmt: skip
    marked = np.zeros((16, 16), np.float32)
    marked[0, 0] = marked[1, 1] = 1
    nothing, everything = np.zeros_like(marked), np.ones_like(marked)
    scores = Scores(np.zeros(3, np.float32), (marked, everything, nothing))

    found = labels.cell_figures(scores, test)
    assert found == {"cell_dice": 1.0, "cell_dice_any": pytest.approx(0.8)}


def _suspect(index):
    return Suspect(index, 1.0, 0.1, 3, 5, 1, "odd")


def test_contamination_and_suspects_are_counted_among_unlabeled_images(material):
    case = _drawn(material, "p1-budget-10-masks")
    hidden = case.truth & (case.train.labels == Label.UNLABELED)
    chosen = (np.flatnonzero(hidden)[0], np.flatnonzero(~case.truth)[0])
    estimate = SimpleNamespace(ratio=0.1, lower=0.05, upper=0.2)
    detector = SimpleNamespace(
        suspects_=tuple(_suspect(i) for i in chosen), contamination_=estimate
    )

    assert labels.suspects(detector, case) == {"n": 2, "n_defective": 1, "n_hidden": 15}
    assert labels.contamination(detector, case) == {
        "true": pytest.approx(15 / 190), "ratio": 0.1, "lower": 0.05, "upper": 0.2,
    }  # fmt: skip
    assert labels.contamination(SimpleNamespace(), case)["ratio"] is None
    assert labels.contamination(detector, _drawn(material, "p2-clean")) is None


def test_corrections_are_measured_where_something_is_hidden_and_can_be_corrected():
    auto, plain = find_detector("auto")(), find_detector("gaussian")()
    hidden, clean = VARIANTS["p1-contaminated-10"], VARIANTS["p1-clean"]
    assert labels.is_corrected("auto", hidden, auto)
    assert not labels.is_corrected(labels.ALL_KNOWN, hidden, auto)
    assert not labels.is_corrected("auto", clean, auto)
    assert not labels.is_corrected("normality alone", hidden, plain)


def test_without_hidden_defects_the_labeled_ones_and_the_test_stay(material):
    case = _drawn(material, "p1-budget-10-masks")
    known = labels.without_hidden(case)

    assert len(case.train) - len(known.train) == 15
    assert known.truth.sum() == 5
    assert (known.train.labels[known.truth] == Label.ANOMALOUS).all()
    assert known.test == case.test


def test_an_update_corrects_a_false_alarm_and_a_missed_defect(material):
    case = _drawn(material, "p1-contaminated-10")
    bad, good = np.flatnonzero(case.truth), np.flatnonzero(~case.truth)
    asked = []

    class Fake:
        suspects_ = (_suspect(bad[0]), _suspect(good[7]))

        def update(self, images, codes):
            asked.extend(zip([path.name for path in images.paths], codes, strict=True))
            return SimpleNamespace(detector=self)

        def score(self, images):
            return Scores(np.arange(len(images), dtype=np.float32), None)

    figures = labels.update_figures(Fake(), case, 0.9)
    samples = case.train.samples
    assert asked == [(samples[good[7]].name, 0), (samples[bad[1]].name, 1)]
    assert (figures["auroc_before"], figures["auroc_after"]) == (0.9, 1.0)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("gaussian", {"use_magic": True}), r"'gaussian' has no setting \['use_magic'\]"),
        (("magic", {}), "no detector is named 'magic'"),
        (None, "no row is named 'tried'"),
    ],
)
def test_a_row_that_cannot_be_run_says_why(monkeypatch, row, said):
    if row:
        monkeypatch.setitem(labels.ROWS, "tried", row)
    with pytest.raises(labels.ToldError, match=said):
        labels.check_row("tried")


def _told(tmp_path, **changes):
    told = {
        "rows": ("normality alone",), "protocols": ("p2-clean", "p2-budget-1"), "n_seeds": 2,
        "cache": tmp_path, "n_images": 5, "again": False, "command": "made", "out": tmp_path / "l.jsonl",
    }  # fmt: skip
    return labels.Told(**(told | changes))


def test_runs_are_added_and_not_repeated(monkeypatch, tmp_path, material):
    made = []

    def measure(row, variant, seed, *rest):
        made.append((row, variant.name, seed))
        return {"figures": {"image_auroc": float("nan") if seed else len(made)}}, "w"

    monkeypatch.setattr(labels, "measure", measure)
    monkeypatch.setattr(labels, "read_material", lambda *_: material)
    labels.run(_told(tmp_path, n_seeds=1))
    labels.run(_told(tmp_path))
    assert [one[1:] for one in made] == [
        ("p2-clean", 0), ("p2-budget-1", 0), ("p2-clean", 1), ("p2-budget-1", 1),
    ]  # fmt: skip
    labels.run(_told(tmp_path, n_seeds=1, protocols=("p2-clean",), again=True))
    runs = read_runs(tmp_path / "l.jsonl")
    assert len(made) == 5
    assert len(runs) == 4
    assert runs[-1]["figures"]["image_auroc"] == 5.0
    assert runs[1]["figures"]["image_auroc"] is None
    assert all(run["n_images"] == 5 for run in runs)
    with pytest.raises(labels.ToldError, match="no protocol"):
        labels.run(_told(tmp_path, protocols=("p2-cleen",)))


def _run(row, variant, seed, auroc, **changes):
    figures = {
        "image_auroc": auroc, "auroc_on_curve": auroc, "aupro": auroc - 0.1,
        "observed_false_reject_rate": 0.0, "fit_s": 20.0,
        "auroc_seen": auroc, "auroc_unseen": auroc - 0.01 * (variant == "p1-clean"),
    }  # fmt: skip
    run = {"row": row, "variant": variant, "seed": seed, "figures": figures}
    run["protocol"] = "labels"
    return (
        run
        | {"contamination": None, "suspects": {"n": 0, "n_defective": 0, "n_hidden": 0}}
        | changes
    )


def _page(*runs):
    return label_tables.labels(runs)


def test_a_table_shows_mean_spread_goal_and_how_many_seeds_are_missing():
    page = _page(
        _run("auto", "p2-budget-10", 0, 0.95), _run("auto", "p2-budget-10", 1, 0.93),
        _run("normality alone", "p2-budget-10", 0, 0.9),
    )  # fmt: skip

    assert (
        "| `p2-budget-10` | .940 ± .014 | .900 (1) | >= .94 | DRA .845, quoted from Ding et al. 2022 |"
        in page
    )
    assert "Image AUROC, P1" not in page


def test_the_guard_row_pairs_runs_of_one_seed_and_budget():
    page = _page(
        _run("auto", "p1-budget-5-masks", 0, 0.95), _run("no refit", "p1-budget-5-masks", 0, 0.96),
        _run("auto", "p2-budget-5", 0, 0.9), _run("no refit", "p2-budget-5", 0, 0.87),
        _run("auto", "p2-clean", 0, 0.9), _run("no refit", "p2-clean", 0, 0.8),
        _run("auto", "p2-budget-5", 1, 0.9),
    )  # fmt: skip

    assert (
        "| no refit | -.0100 (-.0100) | +.0300 (+.0300) | +.0100 (-.0100) | 2 | "
        ">= -.002 (>= -.01) |" in page
    )


def test_what_lacks_a_part_stands_apart_beside_auto_on_the_same_draws():
    name = "p1-budget-10-masks"
    runs = [_run("auto", name, seed, 0.9 + 0.03 * seed) for seed in range(3)]
    runs += [_run("no refit", name, seed, 0.88) for seed in (0, 1)]
    runs += [_run("no labels", name, 0, 0.91)]
    table = _page(*runs).split("What each part of `auto` is worth")[1]
    assert "|  | auto | no labels | no refit |" in table
    assert f"| `{name}` | .900 | .910 | .880 |" in table
    assert f"| `{name}` | .930 ± .030 | >= .985 |" in _page(*runs)
    drawn = label_plots.figures(runs)["labels-p1.svg"]
    assert "no refit" not in drawn
    assert "What each part" not in _page(*runs[:3])


def test_the_bound_that_knows_the_truth_stands_in_a_table_of_its_own():
    name = "p1-budget-50-masks"
    runs = [_run("auto", name, seed, 0.9 + 0.02 * seed) for seed in range(3)]
    runs += [_run(labels.ALL_KNOWN, name, 0, 0.97)]
    page = _page(*runs)

    table = page.split("What perfect cleaning would reach")[1]
    assert f"| `{name}` | .900 | .970 | >= .995 |" in table
    assert page.count("nothing hidden") == 1
    drawn = label_plots.figures(runs)["labels-p1.svg"]
    assert "nothing hidden" not in drawn
    assert "perfect cleaning" not in _page(*runs[:3])


@pytest.mark.parametrize(("start", "anchor"), [(0.975, "end"), (0.90, "start")])
def test_the_name_of_a_line_gives_way_to_a_curve_that_begins_there(start, anchor):
    runs = [
        _run("auto", "p1-contaminated-10", 0, start),
        _run("auto", "p1-budget-50-masks", 0, 0.99),
    ]
    drawn = label_plots.figures(runs)["labels-p1.svg"]
    (words,) = [part for part in drawn.split("<text") if "PatchCore" in part]
    assert f'text-anchor="{anchor}"' in words


def test_contaminated_runs_stand_beside_a_clean_fit_on_the_same_test_images():
    share = {"true": 0.1, "ratio": 0.13, "lower": 0.08, "upper": 0.2}
    dirty = _run(
        "auto", "p1-contaminated-10", 0, 0.97, contamination=share,
        suspects={"n": 40, "n_defective": 30, "n_hidden": 60},
    )  # fmt: skip
    other = _run("auto", "p1-clean", 0, 0.99, auroc_on_test_of={"p1-contaminated-10": 0.98})

    assert (
        "| `p1-contaminated-10` | auto | -.0100 (-.0100) | 10.0 | 13.0 | 3.0 (3.0) | 1 of 1 | 40 | "
        "75% | 50% |" in _page(dirty, other)
    )


def test_a_step_of_labels_that_surely_hurts_is_marked():
    runs = [_run("auto", "p2-clean", s, 0.9 + s / 1000) for s in range(4)]
    runs += [_run("auto", "p2-budget-1", s, 0.89 + s / 900) for s in range(4)]
    runs += [_run("auto", "p2-budget-5", s, 0.90 + s / 900) for s in range(4)]
    page = _page(*runs)

    assert "| P2: 0 to 1 | **worse** -.0098" in page
    assert "| P2: 1 to 5 | +.0100 ± .000 |" in page


def test_unseen_types_stand_beside_their_clean_figure():
    page = _page(_run("auto", "p1-new-types", 0, 0.97), _run("auto", "p1-clean", 0, 0.99))
    assert "| auto | .970 | .990 | .970 | .980 | -.0100 (-.0100) | >= 0 |" in page


def test_nothing_measured_says_so_and_draws_nothing():
    assert "Not measured yet" in label_tables.labels([])
    assert label_plots.figures([]) == {}


def test_drawings_are_of_data_sets_with_budgets_and_pages_show_just_these():
    runs = [_run("auto", "p1-budget-5-masks", 0, 0.95), _run("auto", "p2-clean", 0, 0.9)]
    page, drawn = label_tables.labels(runs), label_plots.figures(runs)

    assert list(drawn) == ["labels-p1.svg"]
    assert "figures/labels-p1.svg" in page
    assert "figures/labels-p2.svg" not in page
    assert label_plots.figures([run | {"n_images": 5} for run in runs]) == {}
    assert drawn == label_plots.figures(runs)


def test_a_drawing_places_higher_values_higher_and_more_labels_to_the_right():
    runs = [_run("auto", name, s, value + s / 100) for s in (0, 1) for name, value in (
        ("p2-clean", 0.9), ("p2-budget-1", 0.92), ("p2-budget-50", 0.97),
    )]  # fmt: skip
    drawn = label_plots.figures(runs)["labels-p2.svg"]
    root = ET.fromstring(drawn)
    line = next(e for e in root if e.tag.endswith("polyline"))
    points = [tuple(map(float, corner.split(","))) for corner in line.get("points").split()]

    assert len(points) == 3
    assert points == sorted(points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
    texts = [element.text for element in root if element.tag.endswith("text")]
    assert {"DRA (quoted)", "auto", "P2: image AUROC, by blocks"} <= set(texts)
    top, bottom = 40, 340
    circles = [float(e.get("cy")) for e in root if e.tag.endswith("circle")]
    assert all(top <= y <= bottom for y in circles)


def test_runs_that_differ_in_seeds_only_have_one_line_of_provenance():
    def facts(seed, command="made"):
        return provenance(data="d" * 64, weights="w", command=command)

    runs = [_run("auto", "p2-clean", s, 0.9, **facts(s)) for s in (0, 1, 2)]
    runs.append(_run("auto", "p2-clean", 3, 0.9, **facts(3, "otherwise")))
    page = tables.render(runs)

    assert page.count("`made`: seeds 0-2, data") == 1
    assert page.count(": seeds ") == 2
    assert "## Few labels" in page


def test_tables_writes_the_drawings_and_sees_a_stale_one(monkeypatch, tmp_path, capsys):
    run = _run("auto", "p2-budget-5", 0, 0.9)
    run |= provenance(data="d", weights="w", command="made")
    write_runs(tmp_path / "labels.jsonl", [run])
    monkeypatch.setattr(command_line, "_RESULTS", tmp_path)
    monkeypatch.setattr(command_line, "_HERE", tmp_path / "benchmarks")
    (tmp_path / "docs").mkdir()

    assert command_line.main(["tables"]) == 0
    assert command_line.main(["tables", "--check"]) == 0
    drawn = tmp_path / "docs/figures/labels-p2.svg"
    drawn.write_text("")
    assert command_line.main(["tables", "--check"]) == 1
    assert "labels-p2.svg is stale" in capsys.readouterr().err


def test_the_command_line_says_what_cannot_be_run(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("DEFECTORY_COMMIT", "abc")
    asked = ["labels", "--rows", "normality", "--out", str(tmp_path / "none.json")]

    assert command_line.main(asked) == 2
    assert "there are auto, nothing hidden, normality alone" in capsys.readouterr().err
