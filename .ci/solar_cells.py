"""Writes two hundred of the demo's solar-cell pictures as a data set: python .ci/solar_cells.py FOLDER"""

import shutil
import sys
from pathlib import Path

from defectory.domain import Label
from defectory.workflows.demo import read_elpv

N_TRAIN, N_GOOD, N_DEFECTIVE = 150, 20, 20


def main(folder: Path) -> None:
    """Write train/good, test/good and test/defective, and labels.csv of five defects to teach."""
    cells = read_elpv().samples
    train = [cell for cell in cells if cell.split == "train"][:N_TRAIN]
    test = [cell for cell in cells if cell.split == "test"]
    good = [cell for cell in test if cell.label == Label.NORMAL][:N_GOOD]
    defective = [cell for cell in test if cell.label == Label.ANOMALOUS][:N_DEFECTIVE]
    for name, chosen in (("train/good", train), ("test/good", good), ("test/defective", defective)):
        (folder / name).mkdir(parents=True)
        for cell in chosen:
            shutil.copy(cell.path, folder / name)
    names = [cell.path.name for cell in defective[:5]]
    rows = "".join(f"test/defective/{name},anomalous\n" for name in names)
    (folder / "labels.csv").write_text(f"path,label\n{rows}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
