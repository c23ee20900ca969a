"""Images worth a label, by the command line: asked about, answered, taught."""

import csv
import shutil

import numpy as np
import pytest

import defectory
from defectory.cli import names as cli_names
from defectory.labeling import STRATEGIES
from tests.e2e.conftest import run
from tests.pictures import disc, save, scratched


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Twelve photos that nobody sorted; those whose names begin with b are scratched."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(7)
    for i in range(12):
        image = disc(rng, 96)
        is_bad = i % 4 == 0
        save(
            folder / f"{'b' if is_bad else 'g'}{i:02}.png",
            scratched(image, rng)[0] if is_bad else image,
        )
    return folder


def answer(path):
    """Write into the table what the photos show."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["label"] = "NOK" if "/b" in row["image"] else "OK"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_the_strategies_of_the_command_line_are_those_there_are():
    assert cli_names.STRATEGIES == STRATEGIES


def test_a_queue_is_answered_and_update_takes_it(bundle, photos, tmp_path):
    path = tmp_path / "queue 1.csv"
    asked = run("queue", bundle, photos, "-n", 8, "-o", path)
    assert asked.exit_code == 0, asked.output
    assert "Asks about 8 of 12 images without a label: " in asked.output
    assert "expected to change" not in asked.output  # nobody has answered yet
    assert (
        f"defectory update {bundle} '{path}' -o NEW" in asked.output
    )  # can be copied into a shell
    rows = answer(path)
    assert len(rows) == 8
    n_bad = sum("/b" in row["image"] for row in rows)
    assert n_bad >= 2  # of 3
    taught = run("update", bundle, path, "-o", tmp_path / "new.defectory", "--force")
    assert taught.exit_code == 0, taught.output
    assert f"Took 8 labels ({8 - n_bad} normal, {n_bad} anomalous)" in taught.output
    assert "columns ignored: 'score', 'decision', 'strategy', 'reason'" in taught.output
    again = run("queue", tmp_path / "new.defectory", photos, "-o", tmp_path / "more.csv")
    assert again.exit_code == 0, again.output
    assert "Asks about 4 of 4 images without a label" in again.output
    assert defectory.load(tmp_path / "new.defectory").facts["updates"][0]["n_labels"] == 8


def test_unlabeled_images_of_the_fit_are_asked_about_after_a_recalibration_too(photos, tmp_path):
    bundle, rng = tmp_path / "parts.defectory", np.random.default_rng(8)
    for i in range(3):
        save(tmp_path / "good" / f"{i}.png", disc(rng, 96))
    fit = run("fit", photos, "-o", bundle, "--detector", "gaussian", "--size", 64, "-q")
    assert fit.exit_code == 0, fit.output
    new = tmp_path / "new.defectory"
    moved = run("recalibrate", bundle, tmp_path / "good", "-o", new)
    assert moved.exit_code == 0, moved.output
    asked = run("queue", new, photos, "-o", tmp_path / "queue.csv")
    assert "of 12 images without a label" in asked.output


def test_unreadable_images_are_skipped_when_asked(bundle, photos, tmp_path):
    data, queue = tmp_path / "data", tmp_path / "queue.csv"
    shutil.copytree(photos, data)
    (data / "broken.png").write_bytes(b"no picture")
    refused = run("queue", bundle, data, "-o", queue)
    assert refused.exit_code == 1
    assert refused.output.rstrip().endswith(
        "repair or remove that file (defectory inspect --json lists all that cannot be read), or give "
        "--skip-unreadable to leave such files out"
    )
    asked = run("queue", bundle, data, "-o", queue, "--skip-unreadable")
    assert asked.exit_code == 0, asked.output
    assert "Asks about 12 of 12 images without a label" in asked.output
    assert "Note: left out, cannot be read: cannot read " in asked.output
    assert "broken.png" not in queue.read_text()


@pytest.mark.parametrize(
    "strategy", ["mix", "likely-defect", "near-threshold", "diverse", "random"]
)
def test_every_way_to_choose_asks(strategy, bundle, photos, tmp_path):
    asked = run("queue", bundle, photos, "-n", 3, "-o", tmp_path / "q.csv", "--strategy", strategy)
    assert asked.exit_code == 0, asked.output
    assert "Asks about 3 of 12" in asked.output


def test_what_has_a_label_is_not_asked_about(bundle, parts, tmp_path):
    refused = run("queue", bundle, parts, "-o", tmp_path / "q.csv")
    assert refused.exit_code == 1
    assert "there is nothing to ask" in refused.output
    assert refused.output.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_bundle_and_data_in_the_wrong_order_are_told_apart(bundle, photos, tmp_path):
    refused = run("queue", photos, bundle, "-o", tmp_path / "q.csv")
    assert refused.exit_code == 1
    assert "BUNDLE comes first" in refused.output
