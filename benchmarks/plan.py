"""`python -m benchmarks all`: the commands that make every figure of docs/results.md, and what they need.

Each command runs in a process of its own: a failure or a large memory stays there.
"""

import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from benchmarks.result_files import MissingDataError

_TILES, _CELLS, _FASHION, _RIVALS = "magnetic-tile", "solar-cells", "fashion-mnist", "pyod"
_ANOMALIB, _OPENVINO, _RAY, _BROWSER = "anomalib", "openvino", "ray", "playwright"
_MANIFESTS = ("ball-screw", "fabric", "lens")
_FEW = "--protocols p1-contaminated-10,p1-budget-10-masks,p1-budget-50-masks"
_PARTS = "no refit,no labels"


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes
    ----------
    command : what stands behind `python -m benchmarks`
    needs : names in `CHECKS`
    """

    command: str
    needs: tuple[str, ...]

    @property
    def arguments(self) -> list[str]:
        """Return the command as the parser takes it."""
        return shlex.split(self.command)


PLAN = (
    Step("suite --rows quick", (_TILES, _CELLS, *_MANIFESTS)),
    Step(
        "suite --rows 'auto without refit' --variants contaminated-10,contaminated-20 --seeds 1",
        (_TILES, _CELLS, *_MANIFESTS),
    ),
    Step("suite --rows mapl --seeds 1", (_TILES, _CELLS, *_MANIFESTS)),
    Step("updates --seeds 2", (_TILES, _CELLS, *_MANIFESTS)),
    Step(
        "review --sets tiles,solar,ball-screw --variants contaminated-10 --inspectors right --seeds 1",
        (_TILES, _CELLS, "ball-screw"),
    ),
    Step("inspector --pace 1 --minutes 6", (_TILES, _BROWSER)),
    Step("p1 --detector gaussian", (_TILES,)),
    Step("p1 --detector patch-memory", (_TILES,)),
    Step("p1 --detector auto", (_TILES,)),
    Step("p2 --detector gaussian", (_CELLS,)),
    Step("p2 --detector patch-memory", (_CELLS,)),
    Step("export", (_TILES, _CELLS, *_MANIFESTS)),
    Step("promise", (_TILES, _CELLS, *_MANIFESTS)),
    Step("promise --rows auto,patch-memory --ways found", (_TILES, _CELLS, *_MANIFESTS)),
    Step("found-groups", (_TILES, _CELLS, _FASHION, *_MANIFESTS)),
    Step("federated", (_CELLS,)),
    Step("alarms", ("ball-screw",)),
    Step("coverage", ()),
    Step("watch --kills 200", ()),
    Step("shards", (_TILES, "ball-screw", _RAY)),
    Step("p4 --detector auto --growth 100,1000", (_TILES,)),
    Step("p4 --detector gaussian", (_TILES,)),
    Step("p4 --detector mapl --growth ''", (_TILES,)),
    Step("providers", (_TILES, _CELLS, _OPENVINO, *_MANIFESTS)),
    Step("service", (_TILES,)),
    Step("pseudo-labels", (_TILES, _CELLS)),
    Step("pixel-maps", (_TILES,)),
    Step("siblings", (_TILES, _CELLS)),
    Step("p3 --rivals", (_FASHION, _RIVALS)),
    Step("p3 --ratios 0.05,0.15,0.2,0.25", (_FASHION,)),
    Step("p3 --rivals --one-kind --classes 0,6", (_FASHION, _RIVALS)),
    Step("p3 --ablation --classes 0", (_FASHION,)),
    Step("p3 --encoder scratch-small", (_FASHION,)),
    Step("p3 --rivals --data solar-cells", (_CELLS, _RIVALS)),
    Step("p3 --rivals --data magnetic-tile", (_TILES, _RIVALS)),
    Step("mapl --rows main --variants clean,noisy,p2-clean", (_TILES, _CELLS)),
    Step(
        "mapl --rows 'head alone,votes on simulated images' "
        "--variants clean,p1-contaminated-10,p1-budget-50-masks",
        (_TILES,),
    ),
    Step(
        "mapl --rows 'votes on unlabeled images' --variants p1-contaminated-10 --seeds 4", (_TILES,)
    ),
    Step("mapl --rows all --variants clean --seeds 3", (_TILES,)),
    Step("labels --rows 'auto,normality alone'", (_TILES, _CELLS)),
    Step(f"labels --rows '{_PARTS}' {_FEW} --seeds 2", (_TILES,)),
    Step(
        "labels --rows 'nothing hidden' "
        "--protocols p1-contaminated-10,p1-contaminated-20,p1-budget-50-masks --seeds 2",
        (_TILES,),
    ),
    Step(
        "labels --rows 'memory map' --protocols p1-clean,p1-contaminated-10,p1-budget-1-no-masks,"
        "p1-budget-10-no-masks,p1-budget-50-no-masks --seeds 1",
        (_TILES,),
    ),
    Step(f"labels --rows mapl {_FEW} --seeds 1", (_TILES,)),
    Step("peers --method padim", (_TILES, _ANOMALIB)),
)
"""All that docs/results.md shows; many hours. Runs that are added to a file are kept."""


def objections() -> list[str]:
    """Return why the plan cannot run, one line a reason: missing data, missing packages."""
    reasons = []
    for name in dict.fromkeys(need for step in PLAN for need in step.needs):
        try:
            CHECKS[name]()
        except MissingDataError as error:
            n = sum(name in step.needs for step in PLAN)
            reasons.append(f"{error} ({n} of {len(PLAN)} commands need it)")
    return reasons


def run_all(allow_dirty: bool = False) -> list[str]:
    """Run the plan, then write the page; return what failed, one line a command."""
    more = ["--allow-dirty"] if allow_dirty else []
    found = [_run([*step.arguments, *more]) for step in PLAN]
    return [line for line in (*found, _run(["tables"])) if line]


def _run(arguments: Sequence[str]) -> str:
    """Return what went wrong, "" where nothing did."""
    print("python -m benchmarks", shlex.join(arguments), file=sys.stderr)
    status = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], check=False
    ).returncode
    return f"{shlex.join(arguments)}: exit status {status}" if status else ""


def _find_tiles() -> None:
    from benchmarks.datasets import magnetic_tile_folder

    magnetic_tile_folder()


def _find_cells() -> None:
    from benchmarks.datasets import solar_cells

    solar_cells()


def _find_fashion() -> None:
    from benchmarks.p3_collections import fashion_mnist_folder

    fashion_mnist_folder()


def _find_manifest(name: str) -> None:
    from benchmarks.suite_cases import material_of

    material_of(name)


def _find_rivals() -> None:
    if find_spec("pyod") is None:
        raise MissingDataError('run  pip install "defectory[bench]"  for the rivals of PyOD')


def _find_openvino() -> None:
    if find_spec("openvino") is None:
        raise MissingDataError('run  pip install "defectory[openvino]"  for OpenVINO')


def _find_ray() -> None:
    if find_spec("ray") is None:
        raise MissingDataError('run  pip install "defectory[ray]"  for Ray')


def _find_browser() -> None:
    from benchmarks.browser import find_chromium

    if find_spec("playwright") is None:
        raise MissingDataError('run  pip install "defectory[test]"  for Playwright')
    find_chromium()


def _find_anomalib() -> None:
    if find_spec("anomalib") is None:
        raise MissingDataError('run  pip install "defectory[peers]"  for anomalib')


CHECKS: dict[str, Callable[[], None]] = {
    _TILES: _find_tiles, _CELLS: _find_cells, _FASHION: _find_fashion, _RIVALS: _find_rivals,
    _ANOMALIB: _find_anomalib, _OPENVINO: _find_openvino, _RAY: _find_ray,
    _BROWSER: _find_browser,
    **{name: partial(_find_manifest, name) for name in _MANIFESTS},
}  # fmt: skip
"""Name -> what raises MissingDataError where it is not here."""
