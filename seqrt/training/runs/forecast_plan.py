"""When a plan trains a forecaster, and which of its options the data then fills in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any, Final

from seqrt.errors import UsageError
from seqrt.training.forecasting.options import NO_FLOOR, Method
from seqrt.training.forecasting.problem import Before, forecaster_problem
from seqrt.training.forecasting.wide import rows_of_targets
from seqrt.training.loop.threads import threads_that_pay
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.network import Architecture
from seqrt.training.networks.stack import Stack
from seqrt.training.problems.from_table import TableRows, from_table
from seqrt.training.problems.prepare import BUILT_IN, RowsOf
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.split import Validation

Cut = Callable[[TableRows, Validation], Problem]

# Options that are read by both kinds of networks, if they are given.
_SHARED: Final = ("cell", "units", "dropout")

# Options that only a network over windows has.
_WINDOWED: Final = (
    *("window", "folds", "fold", "init", "memory", "tbptt"),
    *(each.name for each in fields(Architecture) if each.name not in _SHARED),
)

# The share for validation unless it is asked for.
USUAL_SHARE: Final = 0.2

# So many steps of the optimiser are enough for many series.
_STEPS = 1_500
_EPOCHS = 5, 100

# With at most so many targets an epoch takes milliseconds, and there may be more of them: the best
# one is kept. Of 22 short series, this made the error of the network smaller by 6 percent.
_FEW_TARGETS = 50_000
_MOST_EPOCHS = 300


def method_of(plan: Any) -> Method:
    """Return "plain" or "forecaster", or "auto" where the data decides.

    Raises UsageError if options contradict each other.
    """
    wrong = next((name for name in _WINDOWED if _is_set(plan, name)), None)
    if plan.start_from and plan.method != "forecaster":
        wrong = "start_from"  # a run of windows, see start_from
    if wrong is None and "units" in plan.given and len(plan.units) > 1:
        wrong = "units"
    if wrong is None and plan.cell not in ("rnn", "lstm", "gru"):
        wrong = "cell"
    asked = next((name for name in ("season", "context", "levels") if getattr(plan, name)), None)
    if plan.floor not in (None, NO_FLOOR):
        asked = "floor"
    if plan.method == "forecaster" or asked:
        if plan.method == "plain":
            raise UsageError(f"--{asked} is for a forecaster, but the recipe is plain. Drop one.")
        if wrong:
            cause = "--recipe forecaster" if plan.method == "forecaster" else f"--{asked}"
            raise UsageError(
                f"{cause} asks for a forecaster, but --{_flag(wrong)} is given here for a network"
                " over windows. Drop one of the two."
            )
        return "forecaster"
    if plan.method == "plain" or wrong or plan.source in BUILT_IN:
        return "plain"
    return "auto"


def over_windows(plan: Any) -> Any:
    """Return the plan of a network over windows, which trials and comparisons are made of.

    Raises UsageError if the plan asks for a forecaster.
    """
    if method_of(plan) == "forecaster":
        raise UsageError(
            "trials and comparisons are of networks over windows, not of forecasters. Drop the"
            " options of the forecaster."
        )
    return plan.with_options(method="plain")


def cut_of(plan: Any, earlier: Stack | None = None) -> Cut:
    """Return the function that makes the problem of a table.

    A plan that starts from a run has the network of it as `earlier`.
    """
    method = method_of(plan)
    if method == "plain":
        return from_table
    given: dict[str, Any] = {name: getattr(plan, name) for name in _SHARED if name in plan.given}
    given |= {"noise": plan.recipe.noise} if "noise" in plan.given else {}
    if "units" in given:
        (given["units"],) = given["units"]
    return partial(
        forecaster_problem,
        options=plan.forecast.with_method(method),
        own_val=plan.val != USUAL_SHARE,
        missing=plan.missing,
        before=_before(earlier),
        **given,
    )


def _before(earlier: Stack | None) -> Before | None:
    if not isinstance(earlier, Forecaster):
        return None
    return Before(earlier.architecture, earlier.metadata.outputs[0].scale)


def rows_of(plan: Any) -> RowsOf:
    """Return the function that reads a table."""
    return TableRows.of if method_of(plan) == "plain" else rows_of_targets


def forecaster_options(plan: Any, problem: Problem) -> dict[str, Any]:
    """Return the options of a plan that the problem of a forecaster fixes, by name."""
    config = problem.forecaster
    assert config
    least, most = _EPOCHS
    steps = math.ceil(len(problem.train) / plan.recipe.batch_size)
    if int(problem.train.x.lengths.sum()) * config.horizon <= _FEW_TARGETS:
        most = _MOST_EPOCHS
    epochs = min(max(math.ceil(_STEPS / steps), least), most)
    epochs = epochs if "epochs" in plan.unresolved else plan.recipe.epochs
    patience = math.ceil(epochs / 4) if "patience" in plan.unresolved else plan.recipe.patience
    return {
        "method": "forecaster",
        "season": config.season,
        "context": config.lags,
        "cell": config.cell,
        "units": (config.units,),
        "dropout": config.dropout,
        "noise": config.noise,
        "floor": plan.floor if config.floor is None else config.floor,
        "epochs": epochs,
        "patience": patience,
        "threads": plan.threads or threads_that_pay(config.cell, (config.units,)),
    }


def _flag(name: str) -> str:
    return {"start_from": "from"}.get(name, name.replace("_", "-"))


def _is_set(plan: Any, name: str) -> bool:
    """Whether an option differs from its default."""
    default = {each.name: each.default for each in fields(Architecture)}.get(name)
    return bool(getattr(plan, name)) and getattr(plan, name) != default
