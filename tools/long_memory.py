"""Learn tasks of long memory with seqrt's own defaults, and judge what came of it.

    tools/long_memory.py [PART ...]

Each row is one task, one cell and three seeds. What was asked stands beside what was measured: the
worst seed, on 2,000 sequences kept from training, and after how many steps it was solved. All that
is not named is what `seqrt train` does when it is told nothing more. The vanilla RNN stands beside
the others with the same first weights and rates; nothing is asked of it. With PART only the rows
are learnt whose task or cell has such a name. Exit code 1 where something was not reached.

The last row is of one seed and is a stretch: Bai et al. 2018, arXiv:1803.01271, table 1, found the
LSTM not to learn it (0.164), and the GRU to (5e-5).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqrt.training import Plan
from seqrt.training.experiments.compare import Candidate, Outcome, comparison_trials
from seqrt.training.problems.tasks import TASKS, MemoryTask

SEEDS = 3
UNITS = (64, 32)
# 50 a step over 8,000 sequences are 160 steps a pass: 18 passes are 2,880 steps.
BY_50 = {"batch_size": 50, "epochs": 18}
# 7,500 strings twice are the 15,000 that were asked for: few, so that a step takes few of them.
SHORT = {"val": 0.25, "epochs": 2, "batch_size": 8}


@dataclass(frozen=True)
class Work:
    """One row: what is learnt by which cell, how, and the worst figure that will do."""

    data: str
    cell: str
    options: dict[str, Any]
    asked: float | None
    seeds: int = SEEDS

    def reached(self, value: float) -> bool:
        """Whether a figure is as good as was asked."""
        return self.asked is None or (
            value < self.asked if self.asked < 0.5 else value >= self.asked
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
    """Print a line for each row; return 1 where one was not reached."""
    print(f"{'task':15} {'T':>4} {'cell':5}{'figure':>24}{'asked':>8}{'worst':>9}  ", end="")
    print("solved after steps (batch)")
    missed = False
    for work in WORKS:
        if parts and not {work.data, work.cell} & set(parts):
            continue
        trials = list(_trials(work))
        worst = (max if trials[0].metric == "mse" else min)(trial.value or 0.0 for trial in trials)
        well = all(trial.value is not None and work.reached(trial.value) for trial in trials)
        missed |= not well
        asked = "-" if work.asked is None else f"{work.asked:g}"
        verdict = "" if work.asked is None else "yes" if well else "NO"
        steps = ", ".join(_steps(trial, TASKS[work.data]) for trial in trials)
        length = work.options.get("length", "")
        print(
            f"{work.data:15} {length:>4} {work.cell:5}{trials[0].metric:>24}{asked:>8}{worst:9.3g}"
            f"  {steps} ({work.options.get('batch_size', Plan.batch_size)})  {verdict}",
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
    """After how many steps a pass ended with the task solved, for the first time."""
    solved = (i for i, value in enumerate(trial.curve) if task.is_solved({trial.metric: value}))
    first = next(solved, None)
    return "never" if first is None else f"{first * trial.steps:,}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
