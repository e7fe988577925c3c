"""The tutorial's two networks: trained on the first rows of a series, tested on the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Cell
from seqrt.data import Part
from seqrt.demo.parity_by_step import errors_by_step
from seqrt.export import Exported, export
from seqrt.files import writing
from seqrt.metrics import measure
from seqrt.runtime import load
from seqrt.training import Plan, Run, prepare, start
from seqrt.training.loop.threads import torch_threads
from seqrt.training.runs.memory import load_series

Array = NDArray[Any]

CELLS: Final[tuple[Cell, ...]] = ("rnn", "lstm")
EPOCHS = 100
_SERIES = "mackey-glass"
WINDOW = 10
# Rows 1 to 960 are for training and for choosing the best epoch, the rows after them for testing.
_TRAINING_ROWS = 960


@dataclass(frozen=True)
class Lesson:
    """One network, trained and exported: its run, its file, and the file's predictions and metrics.

    `predicted` (B, 1) are the exported file's predictions for held-out rows. `errors` are those of
    onnxruntime and of PyTorch against float64, at each step (T,).
    """

    run: Run
    exported: Exported
    predicted: Array
    metrics: dict[str, float]
    errors: dict[str, Array]


def begin(cell: Cell, folder: str | Path, epochs: int = EPOCHS) -> Run:
    """Start a run in `folder` that will train a network of 64 and 32 units of `cell`."""
    plan = Plan(
        _SERIES,
        window=WINDOW,
        horizon=1,
        span=("1", str(_TRAINING_ROWS)),
        cell=cell,
        units=(64, 32),
        epochs=epochs,
        batch_size=32,
        lr=1e-2,
        patience=epochs,
    )
    return start(plan, next_run(folder, cell))


def next_run(folder: str | Path, name: str) -> Path:
    """Return the first of runs/NAME-1, runs/NAME-2, ... in `folder` that does not exist."""
    paths = (Path(folder) / "runs" / f"{name}-{number}" for number in count(1))
    return next(path for path in paths if not path.exists())


def conclude(run: Run, folder: str | Path) -> Lesson:
    """Export the trained network to `folder`, and predict held-out rows with the exported file."""
    # For networks this small, more threads only wait for each other.
    with torch_threads(1):
        run.finish()
        series = load_series(run.path)
        exported = export(run.net, Path(folder) / f"{run.plan.cell}.onnx", series=series)
        model, part = load(exported.path), held_out()
        predicted = np.asarray(model.predict(part.x.arrays()))
        metrics = measure("forecast", part.truth, predicted)
        return Lesson(run, exported, predicted, metrics, errors_by_step(run.net, model))


def held_out() -> Part:
    """Return the windows (B, 10, 1) of the rows after those of training, with their targets."""
    rows = (str(_TRAINING_ROWS + 1), None)
    part = prepare(_SERIES, window=WINDOW, horizon=1, span=rows, val=0).train
    return replace(part, when=np.arange(len(part)) + _TRAINING_ROWS + WINDOW + 1)


def baselines() -> dict[str, dict[str, float]]:
    """Return the metrics of two forecasts without a network, by name.

    Persistence repeats the last value; the linear model is a least-squares fit to the same 10 rows.
    """
    training = prepare(_SERIES, window=WINDOW, span=("1", str(_TRAINING_ROWS)), val=0).train
    weights, *_ = np.linalg.lstsq(_with_ones(training.x), training.truth, rcond=None)
    test = held_out()
    forecasts = {"persistence": np.asarray(test.known), "linear": _with_ones(test.x) @ weights}
    return {name: measure("forecast", test.truth, y) for name, y in forecasts.items()}


def _with_ones(x: Any) -> Array:
    flat = np.asarray(x, np.float64).reshape(len(x), -1)
    return np.hstack([flat, np.ones((len(x), 1))])


def write_data(path: str | Path) -> None:
    """Write the held-out windows x (B, 10, 1) and their targets y (B, 1) as .npz."""
    part = held_out()
    with writing(path) as file:
        np.savez(file, x=np.asarray(part.x, np.float32), y=np.asarray(part.y, np.float32))
