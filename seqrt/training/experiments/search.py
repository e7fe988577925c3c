"""The work behind `seqrt train --trials`: sizes and rates are tried, and the best run is kept.

What to try next is Optuna's choice, by the tree-structured Parzen estimator, and so is which trial
is hopeless: one that stands behind the median of the others at the same pass.

Bergstra et al. 2011, Algorithms for hyper-parameter optimization; Akiba et al. 2019,
doi:10.1145/3292500.3330701.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from seqrt.contract.manifest import Cell
from seqrt.errors import TrainingError, UsageError
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.state import Epoch
from seqrt.training.runs.folder import new_folder, numbered, plain_name
from seqrt.training.runs.plan import Plan
from seqrt.training.runs.record import Result
from seqrt.training.runs.run import Run, start

if TYPE_CHECKING:
    import optuna

FOLDER = "search"

CELLS: Final[tuple[Cell, ...]] = ("lstm", "gru")
UNITS = (8, 128)
LAYERS = (1, 2)
RATES = (3e-4, 3e-2)
DROPOUT = (0.0, 0.5)
NOISE = (0.0, 0.3)

SEARCHED = ("cell", "units", "lr", "dropout", "noise")
"""What of a Plan is tried where it is not given."""

# The first trials teach what is usual: until then none is called hopeless.
_BEFORE_PRUNING = 4

# A low rate falls behind at first: nobody is judged in this share of the passes.
_LEFT_ALONE = 0.2


@dataclass(frozen=True)
class Tried:
    """What one trial came to.

    `value` is the best validation loss, in scaled units, that its run is left with; None where it
    failed, and `failure` says why. `run` is the run itself.
    """

    number: int
    state: Literal["done", "pruned", "failed"]
    value: float | None
    run: Run
    failure: str | None = None

    @property
    def best_epoch(self) -> int:
        """The pass that was best; 0 where there was none."""
        return max((epoch.number for epoch in self.run.epochs if epoch.best), default=0)

    def row(self) -> dict[str, Any]:
        """Return the trial as a row of trials.csv."""
        plan = self.run.plan
        return {
            "trial": self.number,
            "state": self.state,
            "val_loss": self.value,
            "cell": plan.cell,
            "units": "-".join(map(str, plan.units)),
            "lr": plan.lr,
            "dropout": plan.dropout,
            "noise": plan.noise,
            "best_epoch": self.best_epoch,
            "epochs": len(self.run.epochs),
            "seconds": round(sum(epoch.seconds for epoch in self.run.epochs), 3),
            "run": str(self.run.path),
        }


class Attempt:
    """One trial under way: iterate to train, then `finish`."""

    def __init__(self, run: Run, trial: optuna.Trial, study: optuna.Study) -> None:
        """Make ready to train `run`, as `trial` of `study` has asked."""
        self.run = run
        self.number = trial.number + 1
        self._trial = trial
        self._study = study
        self._state: Literal["done", "pruned", "failed"] = "done"
        self._failure: str | None = None

    def __iter__(self) -> Iterator[Epoch]:
        """Train; yield after every pass. What is hopeless or diverges ends here."""
        passes: Any = iter(self.run)
        try:
            with closing(passes):
                for epoch in passes:
                    yield epoch
                    self._trial.report(epoch.val_loss, epoch.number)
                    early = epoch.number < self.run.plan.recipe().epochs * _LEFT_ALONE
                    if not early and self._trial.should_prune():
                        self._state = "pruned"
                        return
        except TrainingError as error:
            self._state, self._failure = "failed", str(error)

    def finish(self) -> Tried:
        """Tell the study, and return what it came to."""
        from optuna.trial import TrialState

        self.run.checkpoints.remove()
        losses = [epoch.val_loss for epoch in self.run.epochs if epoch.val_loss is not None]
        value = min(losses, default=None) if self._state != "failed" else None
        states = {"pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        told = value if self._state == "done" else None
        self._study.tell(self._trial, told, state=states.get(self._state))
        return Tried(self.number, self._state, value, self.run, self._failure)


def attempts(plan: Plan, given: Collection[str], count: int, folder: Path) -> Iterator[Attempt]:
    """Yield `count` trials, one after the other: train each, and finish it, before the next.

    What of `plan` is `given` stays; the rest of SEARCHED is tried, first as it stands in `plan`.
    Every run has its own folder in `folder`. `plan.seed` draws what is tried, and all else as in
    any run, so the same call tries the same. See check_search for what cannot be.
    """
    free = [name for name in SEARCHED if name not in given]
    study = _study(plan.seed)
    usual = {name: getattr(plan, name) for name in SEARCHED} | {"lr": Recipe.lr}
    study.enqueue_trial({**usual, "layers": len(plan.units), "units": plan.units[0]})
    for _ in range(count):
        trial = study.ask()
        own = replace(plan, **_drawn(trial, plan, free))
        yield Attempt(start(own, folder / f"trial-{trial.number + 1}"), trial, study)


def check_search(plan: Plan, given: Collection[str], count: int) -> None:
    """Raise UsageError for a search that has nothing to try, or no validation part to judge by.

    Raise ModuleNotFoundError where Optuna is not installed.
    """
    import optuna  # noqa: F401 - whether it is there is all that is asked

    if count < 1:
        raise UsageError(f"trials must be at least 1, got {count}.")
    if set(SEARCHED) <= set(given):
        raise UsageError(
            f"a search needs something to choose, and {', '.join(SEARCHED)} are all given."
            " Leave one of them out."
        )
    if plan.folds:
        raise UsageError("a search is for one network, and folds are for several. Leave out one.")
    if not plan.val:
        raise UsageError(
            "a search needs a validation part to judge by, got val 0. Keep a share of the data."
        )


def best_of(tries: Sequence[Tried]) -> Tried | None:
    """Return the trial with the least validation loss, or None where all failed."""
    good = [tried for tried in tries if tried.value is not None and tried.state == "done"]
    return min(good, key=lambda tried: tried.value or 0.0, default=None)


def folder_for(source: str) -> Path:
    """Make the folder of a search: search/SOURCE-NUMBER."""
    return numbered(FOLDER, plain_name(source))


def keep(best: Tried, table: Path, out: str | Path | None = None) -> Result:
    """Make an ordinary run of the best trial: `out`, or a new folder in runs/; finish it there.

    The `table` of trials that it was chosen from goes with it.
    """
    run = best.run
    folder = new_folder(run.plan.source, run.plan.cell, out)
    shutil.copytree(run.path, folder, dirs_exist_ok=True)
    shutil.copy(table, folder)
    run.path = folder
    return run.finish()


def _study(seed: int) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_BEFORE_PRUNING),
    )


def _drawn(trial: optuna.Trial, plan: Plan, free: Sequence[str]) -> dict[str, Any]:
    """Return what the trial asks for of what is free; dropout acts between layers alone."""
    asked: dict[str, Any] = {}
    units = plan.units
    if "cell" in free:
        asked["cell"] = trial.suggest_categorical("cell", CELLS)
    if "units" in free:
        layers = trial.suggest_int("layers", *LAYERS)
        size = trial.suggest_int("units", *UNITS, log=True)
        units = asked["units"] = (size, math.ceil(size / 2))[:layers]
    if "lr" in free:
        asked["lr"] = float(f"{trial.suggest_float('lr', *RATES, log=True):.3g}")
    if "dropout" in free and len(units) > 1:
        asked["dropout"] = round(trial.suggest_float("dropout", *DROPOUT, step=0.05), 2)
    if "noise" in free:
        asked["noise"] = round(trial.suggest_float("noise", *NOISE, step=0.05), 2)
    return asked
