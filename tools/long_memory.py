"""Train on long-memory tasks with seqrt's own defaults, and check that they are solved.

    python tools/long_memory.py [PART ...]

Each row is one task, one cell and three seeds. Printed are the bound, the result of the worst seed
on 2,000 sequences held out of training, and the steps after which each seed solved the task. All
options that a row does not name have the defaults of `seqrt train`. The vanilla RNN has the same
initial weights and learning rates, and no bound. With PART only the rows of that task or cell run.
Exit code 1 if a bound is missed.

The last row has one seed and is ambitious: in Bai et al. 2018, arXiv:1803.01271, table 1, the LSTM
did not learn it (0.164) and the GRU did (5e-5).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqrt.training import Plan, Recipe
from seqrt.training.experiments.compare import Candidate, Outcome, comparison_trials
from seqrt.training.problems.tasks import TASKS, MemoryTask

SEEDS = 3
UNITS = (64, 32)
# 50 of 8,000 sequences a step make 160 steps an epoch: 18 epochs are 2,880 steps.
BY_50 = {"batch_size": 50, "epochs": 18}
# Two epochs of 7,500 strings are the 15,000 of the bound; a small batch gives more steps.
SHORT = {"val": 0.25, "epochs": 2, "batch_size": 8}


@dataclass(frozen=True)
class Work:
    """One row: the task, the cell, the options, and the bound on the metric."""

    data: str
    cell: str
    options: dict[str, Any]
    bound: float | None
    seeds: int = SEEDS

    def reached(self, value: float) -> bool:
        """Whether a metric meets the bound."""
        return self.bound is None or (
            value < self.bound if self.bound < 0.5 else value >= self.bound
        )


WORKS = (
    Work("adding", "lstm", {"length": 200, **BY_50}, 0.01),
    Work("adding", "gru", {"length": 200, **BY_50}, 0.01),
    Work("adding", "rnn", {"length": 200, **BY_50}, None),
    Work("temporal-order", "lstm", {"length": 100}, 0.99),
    Work("temporal-order", "rnn", {"length": 100}, None),
    Work("reber", "lstm", SHORT, 1.0),
    Work("reber", "rnn", SHORT, None),
    Work("adding", "lstm", {"length": 600}, 0.01, seeds=1),
)


def main(parts: list[str]) -> int:
    """Print a line for each row; return 1 if a bound is missed."""
    print(f"{'task':15} {'T':>4} {'cell':5}{'figure':>24}{'bound':>8}{'worst':>9}  ", end="")
    print("solved after steps (batch)")
    missed = False
    for work in WORKS:
        if parts and not {work.data, work.cell} & set(parts):
            continue
        trials = list(_trials(work))
        worst = (max if trials[0].metric == "mse" else min)(trial.value or 0.0 for trial in trials)
        well = all(trial.value is not None and work.reached(trial.value) for trial in trials)
        missed |= not well
        bound = "-" if work.bound is None else f"{work.bound:g}"
        verdict = "" if work.bound is None else "yes" if well else "NO"
        steps = ", ".join(_steps(trial, TASKS[work.data]) for trial in trials)
        length = work.options.get("length", "")
        print(
            f"{work.data:15} {length:>4} {work.cell:5}{trials[0].metric:>24}{bound:>8}{worst:9.3g}"
            f"  {steps} ({work.options.get('batch_size', Recipe.batch_size)})  {verdict}",
            flush=True,
        )
    return int(missed)


def _trials(work: Work) -> Iterator[Outcome]:
    plan = Plan(work.data, **work.options)
    field = [Candidate(work.cell, UNITS)]
    with tempfile.TemporaryDirectory() as folder:
        for trial in comparison_trials(plan, field, work.seeds, Path(folder)):
            for epoch in trial:
                print(f"{trial.title} {work.data} pass {epoch.number}", file=sys.stderr)
            yield trial.finish()


def _steps(trial: Outcome, task: MemoryTask) -> str:
    """Return after how many steps the task was first solved at the end of an epoch."""
    solved = (i for i, value in enumerate(trial.curve) if task.is_solved({trial.metric: value}))
    first = next(solved, None)
    return "never" if first is None else f"{first * trial.steps:,}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
