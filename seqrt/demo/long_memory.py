"""The same two networks on a task that needs a long memory: the sum of two numbers among 100."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Cell
from seqrt.demo.tutorial import next_run
from seqrt.export import Exported, export
from seqrt.metrics import measure
from seqrt.runtime import load
from seqrt.training import Plan, Run, start
from seqrt.training.loop.threads import torch_threads
from seqrt.training.problems.tasks import TASKS
from seqrt.training.runs.memory import load_series

Array = NDArray[Any]

TASK: Final = "adding"
LENGTH: Final = 100
# For 100 epochs of the series; one of the task has 250 steps of the optimiser.
_EPOCHS_OF_100 = 3
_UNSEEN, _UNSEEN_SEED = 2000, 1


@dataclass(frozen=True)
class MemoryLesson:
    """One network, trained on the task and exported: its run, its file, and the file's metrics.

    `truth` and `predicted` (B, 1) are of sequences that training did not see.
    """

    run: Run
    exported: Exported
    truth: Array
    predicted: Array
    metrics: dict[str, float]


def begin_memory(cell: Cell, folder: str | Path, epochs: int) -> Run:
    """Start a run in `folder` that will train a network of 64 and 32 units of `cell` on the task.

    `epochs` is the number of epochs for the series. The learning rate suits both networks. An RNN
    that has a third of it, and 2,500 steps, can learn some of the task.
    """
    plan = Plan(
        TASK,
        length=LENGTH,
        cell=cell,
        units=(64, 32),
        epochs=max(1, round(_EPOCHS_OF_100 * epochs / 100)),
        batch_size=32,
        lr=3e-3,
        # the weights do not depend on the number of cores, and no thread waits for another
        threads=1,
    )
    return start(plan, next_run(folder, f"{TASK}-{cell}"))


def conclude_memory(run: Run, folder: str | Path) -> MemoryLesson:
    """Export the trained network to `folder`; predict sequences that training did not see."""
    with torch_threads(1):
        run.finish()
        path = Path(folder) / f"{TASK}-{run.plan.cell}.onnx"
        exported = export(run.net, path, series=load_series(run.path))
    unseen = TASKS[TASK].sequences(_UNSEEN_SEED, LENGTH, _UNSEEN)
    truth = np.asarray(unseen.y)[:, None]
    predicted = np.asarray(load(exported.path).predict(unseen.x.arrays()))
    return MemoryLesson(run, exported, truth, predicted, measure("regress", truth, predicted))


def without_memory(lesson: MemoryLesson) -> dict[str, dict[str, float]]:
    """Return the metrics of predicting the mean, by its name: the best result without memory."""
    mean = np.full_like(lesson.truth, lesson.truth.mean())
    return {"mean": measure("regress", lesson.truth, mean)}
