"""Paths, times, sizes, shares and addresses, as people write them."""

from pathlib import Path

import click
import pytest

from defectory.cli.values import ANY_PATH, BYTES, FILE_TO_WRITE, RAY_ADDRESS, SECONDS, SHARE


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_path_does_not_mean_this_folder(empty):
    with pytest.raises(click.BadParameter, match="empty"):
        ANY_PATH.convert(empty, None, None)


def test_a_file_to_write_is_no_folder():
    with pytest.raises(click.BadParameter, match="ends like a folder"):
        FILE_TO_WRITE.convert("models/", None, None)
    assert ANY_PATH.convert("models/", None, None) == Path("models")


def test_the_home_folder_is_known_unless_a_file_is_called_so(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert ANY_PATH.convert("~/parts", None, None) == tmp_path / "parts"
    (tmp_path / "~backup").touch()
    assert ANY_PATH.convert("~backup", None, None) == Path("~backup")


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        (SECONDS, "90", 90.0),
        (SECONDS, "1,5h", 5400.0),
        (SECONDS, "10 Minutes", 600.0),
        (BYTES, "800MB", 800 * 10**6),
        (BYTES, "1,5 GB", 1_500_000_000),
        (BYTES, "2g", 2 * 10**9),
        (BYTES, "1GiB", 2**30),
        (SHARE, "0.01", 0.01),
        (SHARE, "0,01", 0.01),
        (SHARE, ".05", 0.05),
        (SHARE, "1%", 0.01),
        (SHARE, " 0,5 % ", 0.005),
        (SHARE, "1e-3", 0.001),
    ],
)
def test_quantities_are_read(kind, written, meant):
    assert kind.convert(written, None, None) == pytest.approx(meant, rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "written", "says"),
    [
        (SECONDS, "-5", "write it like 90s"),
        (SECONDS, "0s", "more than 0"),
        (SECONDS, "5x", "write it like 90s"),
        (BYTES, "1,500MB", "write it like 800MB"),  # thousands, or one and a half?
        (BYTES, "lots", "write it like 800MB"),
        (SHARE, "5", "write 0.05 or 5%"),
        (SHARE, "1", "write 0.01 or 1%"),
        (SHARE, "0", "between 0 and 1"),
        (SHARE, "100%", "between 0 and 1"),
        (SHARE, "-0.01", "between 0 and 1"),
        (SHARE, "nan", "like 0.01 or 1%"),
        (SHARE, "a few", "like 0.01 or 1%"),
        (RAY_ADDRESS, "head", "write local, auto, or HOST:PORT"),
        (RAY_ADDRESS, "head:65536", "write local"),
        (RAY_ADDRESS, "ray://head:10001", "write local"),
        (RAY_ADDRESS, "fe80::1:6379", "write local"),
    ],
)
def test_what_is_no_quantity_is_said(kind, written, says):
    with pytest.raises(click.BadParameter, match=says):
        kind.convert(written, None, None)


@pytest.mark.parametrize(
    "written", ["local", "auto", "head:6379", "10.0.0.3:6379", "[fe80::1]:6379"]
)
def test_addresses_of_clusters_are_as_ray_takes_them(written):
    assert RAY_ADDRESS.convert(f" {written} ", None, None) == written
