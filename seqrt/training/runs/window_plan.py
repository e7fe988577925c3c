"""What the plan of a network over windows or sequences leaves to the data."""

from __future__ import annotations

import math
import sys
from typing import Any, Final

from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.threads import threads_that_pay
from seqrt.training.problems.prepare import usual_length
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.tasks import TASKS
from seqrt.training.runs.small_data import small_data_options

# Up to this many steps any initial weights remember, and gates that start open only do harm:
# forecasts of the yearly sunspots from 24 years have errors a tenth to a third larger.
_LONG: Final = 50

# A few dozen sequences make one or two batches: a hundred epochs of them are too few steps.
_LEAST_STEPS: Final = 500

# The 8,000 sequences of a built-in task, by contrast, give as many steps in 10 epochs as 800
# sequences do in 100.
_TASK_EPOCHS: Final = 10


def window_options(plan: Any, problem: Problem) -> dict[str, Any]:
    """Return the options of a plan that are inferred from the data, by name."""
    small = small_data_options(plan, problem)
    small.pop("folds", None)  # these are the options of one network
    plan = plan.with_options(**small) if small else plan
    built_in = plan.source in TASKS
    longest = _longest_gradient(plan, problem)
    long = plan.memory or longest > _LONG * plan.architecture.segment or built_in
    init = None if plan.start_from else plan.init or ("chrono" if long else "torch")
    epochs = _epochs(plan, problem)
    # on a built-in task the loss rests on a plateau first, and fresh data cannot be overfitted
    patience = epochs if built_in else math.ceil(epochs / 4)
    return {
        **small,
        "window": problem.metadata.window,
        "length": plan.length or usual_length(plan.source),
        "init": init,
        "epochs": epochs,
        "patience": patience if "patience" in plan.unresolved else plan.recipe.patience,
        "memory": (plan.memory or longest) if init == "chrono" else None,
        "threads": plan.threads
        or threads_that_pay(plan.architecture.cell, plan.architecture.units),
    }


def _epochs(plan: Any, problem: Problem) -> int:
    if "epochs" not in plan.unresolved:
        return int(plan.recipe.epochs)
    usual = _TASK_EPOCHS if plan.source in TASKS else Recipe.epochs
    return max(usual, math.ceil(_LEAST_STEPS / _steps_per_epoch(plan, problem)))


def _longest_gradient(plan: Any, problem: Problem) -> int:
    """Return the largest number of steps that a gradient goes back."""
    return min(problem.train.x.longest, int(plan.recipe.tbptt or sys.maxsize))


def _steps_per_epoch(plan: Any, problem: Problem) -> int:
    """Return the number of optimiser steps in an epoch, roughly."""
    rows = plan.recipe.batch_size * plan.recipe.accumulate
    batches: int = math.ceil(len(problem.train) / rows)
    if not plan.recipe.tbptt or problem.head == "last":
        return batches
    chunks: int = math.ceil(problem.train.x.longest / plan.recipe.tbptt)
    return batches * chunks
