"""What the base install weighs, and that it scores a bundle without torch and scikit-learn."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.cold_process import run_cold
from benchmarks.result_files import read_runs, write_runs

_ROOT = Path(__file__).resolve().parents[1]
_ABSENT = ("torch", "sklearn", "scipy", "onnx")


def measure_base_install(bundle: Path, image: Path, work: Path) -> dict[str, Any]:
    """Return size and first score; RuntimeError where the install has too much or cannot score."""
    folder = work / "base-venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    before = _size_mb(folder)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", str(_ROOT)], check=True)
    look = f"import importlib.util as u; print([n for n in {_ABSENT} if u.find_spec(n)])"
    found = subprocess.run(
        [str(python), "-c", look], capture_output=True, text=True, check=True
    ).stdout.strip()
    if found != "[]":
        raise RuntimeError(f"the base install brings {found}")
    cost = run_cold(["score", str(bundle), str(image), "-o", str(work / "base")], python=python)
    return {
        "size_mb": _size_mb(folder) - before,
        "score_one_s": cost.wall_s,
        "score_one_peak_mb": cost.peak_mb,
    }


def _size_mb(folder: Path) -> float:
    """Return 10^6 bytes of everything in site-packages; pip itself is in `before` as well."""
    files = (file for file in folder.glob("lib/python*/site-packages/**/*") if file.is_file())
    return sum(file.stat().st_size for file in files) / 1e6


def main(bundle: Path, image: Path) -> None:
    """Measure, and add the figures to the P4 result: `python -m benchmarks.base_install BUNDLE IMAGE`."""
    target = _ROOT / "benchmarks/results/p4-gaussian.jsonl"
    (run,) = read_runs(target)
    with tempfile.TemporaryDirectory() as work:
        run["base_install"] = measure_base_install(bundle, image, Path(work))
    write_runs(target, [run])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
