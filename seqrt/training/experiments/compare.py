"""The work behind `seqrt compare`: several networks on one task, each with several seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from seqrt.contract.manifest import Cell
from seqrt.errors import TrainingError, UsageError
from seqrt.metrics import measure
from seqrt.training.inputs.batches import predict
from seqrt.training.loop.state import Epoch
from seqrt.training.problems.baselines import baseline
from seqrt.training.problems.tasks import TASKS
from seqrt.training.runs.folder import numbered, plain_name
from seqrt.training.runs.plan import Plan
from seqrt.training.runs.run import Run, start

Array = NDArray[Any]

FOLDER = "compare"

# A task is solved when a pass says so and the next one confirms it.
_ENOUGH = 2


@dataclass(frozen=True)
class Contender:
    """One kind of network: its cell, and the sizes of its layers."""

    cell: Cell
    units: tuple[int, ...]

    @property
    def name(self) -> str:
        """What its folders and files are called."""
        return "-".join(map(str, (self.cell, *self.units)))


@dataclass(frozen=True)
class Trial:
    """What one contender came to with one seed.

    `value` is the `figure` to look at, with the best weights, on the part that is kept for
    validation; `curve` is the same before training and after every pass of `steps` steps, and
    `plain` that of the `baseline`. A trial that failed has no `value`, and says why.
    """

    contender: Contender
    seed: int
    path: Path
    weights: int
    steps: int
    seconds: tuple[float, ...]
    figure: str
    curve: tuple[float, ...]
    value: float | None
    baseline: str
    plain: float
    solved: bool
    failure: str | None = None


class Turn:
    """One trial under way: iterate to train, then `finish`.

    A built-in task is trained on until two passes in a row have solved it, and no longer.
    """

    def __init__(self, contender: Contender, run: Run) -> None:
        """Make ready to train `run`, which is of this contender."""
        self.contender = contender
        self.run = run
        self._baseline, plain = baseline(run.problem)
        self._task = TASKS.get(run.plan.source)
        self._plain = self._figures(plain)
        self._curve: list[dict[str, float]] = []
        self._failure: str | None = None

    @property
    def title(self) -> str:
        """Which contender it is, with which seed."""
        return f"{self.contender.name} seed {self.run.plan.seed}"

    def __iter__(self) -> Iterator[Epoch]:
        """Train; yield after every pass. What diverges ends here, and fails."""
        passes: Any = iter(self.run)
        in_a_row = 0
        try:
            self._curve.append(self._figures(self._answers()))
            with closing(passes):
                for epoch in passes:
                    self._curve.append(self._figures(self._answers()))
                    yield epoch
                    in_a_row = in_a_row + 1 if self._is_solved(self._curve[-1]) else 0
                    if in_a_row == _ENOUGH:
                        return
            if not any(epoch.best for epoch in self.run.epochs):
                self._failure = "E_DIVERGED: no pass ended with a finite loss."
        except TrainingError as error:
            self._failure = str(error)

    def finish(self) -> Trial:
        """Judge the best weights, and write figures and pictures of the run."""
        figure = self._task.figure if self._task else next(iter(self._plain))
        figures: dict[str, float] = {}
        if self._failure:
            self.run.checkpoints.remove()
        else:
            figures = self.run.finish().figures
        return Trial(
            contender=self.contender,
            seed=self.run.plan.seed,
            path=self.run.path,
            weights=sum(weights.numel() for weights in self.run.net.parameters()),
            steps=math.ceil(len(self.run.problem.train) / self.run.plan.batch_size),
            seconds=tuple(epoch.seconds for epoch in self.run.epochs),
            figure=figure,
            curve=tuple(figures[figure] for figures in self._curve),
            value=figures.get(figure),
            baseline=self._baseline,
            plain=self._plain[figure],
            solved=bool(figures) and self._is_solved(figures),
            failure=self._failure,
        )

    def _answers(self) -> Array:
        return predict(self.run.net, self.run.problem.judged.x)

    def _figures(self, predicted: Array) -> dict[str, float]:
        metadata = self.run.problem.metadata
        return measure(metadata.task, self.run.problem.judged.truth, predicted, metadata.classes)

    def _is_solved(self, figures: dict[str, float]) -> bool:
        return self._task is not None and self._task.is_solved(figures)


def contenders(cells: Sequence[Cell], units: Sequence[tuple[int, ...]]) -> tuple[Contender, ...]:
    """Return every cell in every size; raise UsageError where two of them are the same."""
    every = tuple(Contender(cell, sizes) for sizes in units for cell in cells)
    twice = [contender.name for contender in every if every.count(contender) > 1]
    if twice:
        raise UsageError(f"contenders must differ, and {twice[0]} is there twice.")
    return every


def folder_for(source: str, out: str | Path | None = None) -> Path:
    """Make the folder of a comparison: `out`, or compare/SOURCE-NUMBER."""
    return numbered(FOLDER, plain_name(source), out)


def turns(plan: Plan, field: Sequence[Contender], seeds: int, folder: Path) -> Iterator[Turn]:
    """Yield a turn for each contender with each seed, by `plan` in all else; train it, finish it.

    A seed draws the same data and the same split for all. Every run has its own folder in `folder`,
    as if it had been trained alone. Seeds come one after the other, so that all contenders have
    come equally far when there is no time for more.
    """
    for seed in range(seeds):
        for contender in field:
            own = replace(plan, cell=contender.cell, units=contender.units, seed=seed)
            yield Turn(contender, start(own, folder / f"{contender.name}-seed-{seed}"))
