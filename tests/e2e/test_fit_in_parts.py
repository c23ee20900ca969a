"""A fit in parts and a resumed one, as people type them."""

import pytest

from defectory.workflows.calibrated import load_calibrated
from tests.e2e.conftest import run
from tests.pictures import write_mvtec

SMALL = ("--detector", "gaussian", "--size", 64, "--no-probes")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("parts")
    write_mvtec(root / "today", n_train=4, n_good=1, n_defective=1, size_px=64, seed=1)
    return write_mvtec(root / "data", n_train=10, n_good=1, n_defective=1, size_px=64)


@pytest.fixture(scope="module")
def merged(data):
    out = data.parent / "parts"
    for index in range(2):
        result = run("fit", data, *SMALL, "--shard", f"{index}/2", "-o", out)
        assert result.exit_code == 0, result.output
        assert f"Part {index}/2 of" in result.output
        assert "--from-parts" in result.output
    bundle = data.parent / "merged.defectory"
    result = run("fit", data, *SMALL, "--from-parts", out, "-o", bundle)
    assert result.exit_code == 0, result.output
    assert "statistics of 10 images in 2 parts" in result.output
    return bundle


def test_tomorrow_it_goes_on(merged, data):
    new = data.parent / "new.defectory"
    result = run("fit", data.parent / "today", "--resume-from", merged, "-o", new)
    assert result.exit_code == 0, result.output
    assert "Learned from 4 of 4 images" in result.output
    was, now = (load_calibrated(path).threshold for path in (merged, new))
    assert f"\nThreshold {now.value:.4g} (was {was.value:.4g}): {now.explain()}\n" in result.output
    (note,) = [n for n in load_calibrated(merged).facts.notes if "in 2 parts" in n]
    assert f"\nNote: the fit before: {note}\n" in result.output
    assert "\nNote: fit resumed with 4 images: 4 were learned" in result.output
    again = run("fit", data, "--resume-from", merged, "-o", data.parent / "again.defectory")
    assert again.exit_code == 1
    assert "10 of 10 images were learned from before" in again.output
    assert not (data.parent / "again.defectory").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--shard", "0/2", "--from-parts", "p"), "--shard does not go with --from-parts"),
        (("--resume-from", "b", "--size", 64), "--resume-from does not go with --size"),
        (("--resume-from", "b", "--device", "cpu"), "--resume-from does not go with --device"),
        (("--resume-from", "b", "--seed", 1), "--resume-from does not go with --seed"),
        (("--shard", "0/2", "--time-budget", "5m"), "--shard does not go with --time-budget"),
        (("--shard", "2/2"), "the first is 0/2"),
    ],
)
def test_what_says_different_things_is_refused(data, options, said):
    result = run("fit", data, *options, "-o", data.parent / "refused")
    assert result.exit_code in (1, 2)
    assert said in result.output
    assert not (data.parent / "refused").exists()
