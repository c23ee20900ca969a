"""Fit on a folder, save, load, score: `python examples/fit_and_score.py parts/ new.png`."""

import sys

import defectory


def main(data: str, *images: str) -> None:
    model = defectory.fit(data, false_reject_rate=0.01)
    print(model.threshold.explain())
    model.save("parts.defectory", overwrite=True)
    found = defectory.load("parts.defectory").predict(images)
    for path, decision in zip(images, found, strict=True):
        verdict = "reject" if decision.is_anomalous else "accept"
        print(f"{verdict} {decision.score:8.3f} {path} {len(decision.regions)} regions")


if __name__ == "__main__":
    main(*sys.argv[1:])
