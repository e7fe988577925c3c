"""Classify small public sets with all options left to seqrt, and with the plain recipe.

    python tools/small_sets.py FOLDER [--seeds NUMBER]

FOLDER holds pairs NAME_train.npz and NAME_test.npz. Each row trains on one file, exports, and
evaluates the file on the other, once for each seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

from side_by_side.command import seqrt

RECIPES = {"default": (), "plain": ("--recipe", "plain")}


def main() -> int:
    """Print a row for each set and recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    print("| set | recipe | accuracy, mean | each seed | seconds |")
    print("|---|---|---|---|---|")
    for train in sorted(given.folder.glob("*_train.npz")):
        for recipe, options in RECIPES.items():
            began = time.monotonic()
            found = [accuracy(train, seed, options) for seed in range(given.seeds)]
            seconds = (time.monotonic() - began) / given.seeds
            each = ", ".join(f"{value:.3f}" for value in found)
            name = train.name.removesuffix("_train.npz")
            row = f"| {name} | {recipe} | {mean(found):.3f} | {each} | {seconds:.0f} |"
            print(row, flush=True)
    return 0


def accuracy(train: Path, seed: int, options: tuple[str, ...]) -> float:
    """Train with a seed, export, and return the accuracy of the file on the test set."""
    test = train.with_name(train.name.replace("_train", "_test"))
    with tempfile.TemporaryDirectory() as folder:
        run, model = f"{folder}/run", f"{folder}/model.onnx"
        words = ("--task", "classify", "--seed", str(seed), *options, "-o", run)
        seqrt("train", str(train), *words)
        seqrt("export", run, "-o", model)
        figures = json.loads(seqrt("evaluate", str(test), "-m", model, "--json"))["figures"]
    return float(figures["accuracy"])


if __name__ == "__main__":
    sys.exit(main())
