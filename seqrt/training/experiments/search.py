"""`seqrt train --trials`: a search over sizes and rates that keeps the best run.

Optuna suggests what to try next, by the tree-structured Parzen estimator, and prunes a trial whose
validation loss is above the median of the other trials at the same epoch.

Bergstra et al. 2011, Algorithms for hyper-parameter optimization; Akiba et al. 2019,
doi:10.1145/3292500.3330701.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from seqrt.data.readers.source import Source
from seqrt.errors import UsageError
from seqrt.training.experiments.trial import Trial
from seqrt.training.kernels import TrainedCell
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.state import Epoch
from seqrt.training.runs.folder import new_folder, numbered_folder, plain_name
from seqrt.training.runs.forecast_plan import over_windows
from seqrt.training.runs.plan import Plan
from seqrt.training.runs.record import Result
from seqrt.training.runs.run import Run, start

if TYPE_CHECKING:
    import optuna

State = Literal["done", "pruned", "failed"]

FOLDER = "search"

CELLS: Final[tuple[TrainedCell, ...]] = ("lstm", "gru")
UNITS = (8, 128)
LAYERS = (1, 2)
RATES = (3e-4, 3e-2)
DROPOUT = (0.0, 0.5)
NOISE = (0.0, 0.3)

SEARCHED = ("cell", "units", "lr", "dropout", "noise")
"""The options that are searched unless they are given."""

# No trial is pruned before this many have finished: there is too little to compare with.
_BEFORE_PRUNING = 4

# A low learning rate is slow at first, so no trial is pruned in this share of its epochs.
_GRACE = 0.2


@dataclass(frozen=True)
class SearchOutcome:
    """What one trial of a search achieved.

    `value` is the best validation loss of its run, in scaled units; None if the trial failed, with
    the reason in `failure`.
    """

    number: int
    state: State
    value: float | None
    run: Run
    failure: str | None = None

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch; 0 if there was none."""
        return max((epoch.number for epoch in self.run.epochs if epoch.best), default=0)

    def row(self) -> dict[str, Any]:
        """Return the outcome as a row of trials.csv."""
        plan = self.run.plan
        return {
            "trial": self.number,
            "state": self.state,
            "val_loss": self.value,
            "cell": plan.architecture.cell,
            "units": "-".join(map(str, plan.architecture.units)),
            "lr": plan.recipe.lr,
            "dropout": plan.architecture.dropout,
            "noise": plan.recipe.noise,
            "best_epoch": self.best_epoch,
            "epochs": len(self.run.epochs),
            "seconds": round(sum(epoch.seconds for epoch in self.run.epochs), 3),
            "run": str(self.run.path),
        }


class SearchTrial(Trial):
    """The training of one suggestion: iterate to train, then `finish`."""

    def __init__(self, run: Run, trial: optuna.Trial, study: optuna.Study, count: int) -> None:
        """Prepare to train `run`, as suggested by `trial` of `study`, one of `count`."""
        self.number = trial.number + 1
        super().__init__(run, f"trial {self.number}/{count}")
        self._trial = trial
        self._study = study
        self._pruned = False

    def is_over(self, epoch: Epoch) -> bool:
        """Report the epoch to the study, and return whether it prunes the trial."""
        assert epoch.val_loss is not None, "a search has a validation part"
        self._trial.report(epoch.val_loss, epoch.number)
        early = epoch.number < self.run.plan.recipe.epochs * _GRACE
        self._pruned = not early and self._trial.should_prune()
        return self._pruned

    def finish(self) -> SearchOutcome:
        """Tell the study the outcome, and return it."""
        from optuna.trial import TrialState

        self.run.checkpoints.remove()
        state: State = "failed" if self.failure else "pruned" if self._pruned else "done"
        losses = [epoch.val_loss for epoch in self.run.epochs if epoch.val_loss is not None]
        value = min(losses, default=None) if state != "failed" else None
        states = {"pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        self._study.tell(self._trial, value if state == "done" else None, state=states.get(state))
        return SearchOutcome(self.number, state, value, self.run, self.failure)


def search_trials(
    plan: Plan, given: Collection[str], count: int, folder: Path
) -> Iterator[SearchTrial]:
    """Yield `count` trials, one after the other: train and finish each before the next.

    The options of `plan` named in `given` stay fixed; the rest of SEARCHED is searched, beginning
    with the values in `plan`. Every run has its own folder in `folder`. Everything is drawn from
    `plan.seed`, so the same call makes the same trials. Call check_search first.
    """
    free = [name for name in SEARCHED if name not in given]
    study = _study(plan.recipe.seed)
    usual = {name: getattr(plan, name) for name in SEARCHED} | {"lr": Recipe.lr}
    problem = over_windows(plan).problem()
    if problem.metadata.text is not None:
        resolved = plan.resolved(problem)
        usual = {name: getattr(resolved, name) for name in SEARCHED}
        free = [name for name in free if name != "noise"]  # which is added to numbers
    units = usual["units"]
    study.enqueue_trial({**usual, "layers": len(units), "units": units[0]})
    for _ in range(count):
        trial = study.ask()
        around = problem.metadata.text is not None
        found = _suggested(trial, plan, free, one_layer_too=around)
        own = over_windows(plan).with_options(**found)
        run = start(own, folder / f"trial-{trial.number + 1}")
        yield SearchTrial(run, trial, study, count)


def check_search(plan: Plan, given: Collection[str], count: int) -> None:
    """Raise UsageError for a search with nothing to search, or without a validation part.

    Raise ModuleNotFoundError if Optuna is not installed.
    """
    import optuna  # noqa: F401 - to check that it is installed

    if count < 1:
        raise UsageError(f"trials must be at least 1, got {count}.")
    if set(SEARCHED) <= set(given):
        raise UsageError(
            f"a search needs an option to search, but {', '.join(SEARCHED)} are all given."
            " Leave one of them out."
        )
    if plan.start_from:
        raise UsageError(
            "a search trains new networks, but --from continues a trained one. Drop one of them."
        )
    if plan.folds:
        raise UsageError("a search tunes one network, but folds train several. Drop one of them.")
    if not plan.val:
        raise UsageError(
            "a search needs a validation part to compare trials on, got val 0. Give a share of the"
            " data, such as 0.2."
        )


def best_outcome(outcomes: Sequence[SearchOutcome]) -> SearchOutcome | None:
    """Return the finished trial with the lowest validation loss, or None if there is none."""
    done = [each for each in outcomes if each.value is not None and each.state == "done"]
    return min(done, key=lambda each: each.value or 0.0, default=None)


def search_folder(source: Source) -> Path:
    """Make the folder of a search: search/SOURCE-NUMBER."""
    return numbered_folder(FOLDER, plain_name(source))


def promote(best: SearchOutcome, table: Path, out: str | Path | None = None) -> Result:
    """Copy the best trial to an ordinary run, `out` or a new folder in runs/, and finish it there.

    The `table` of trials that it was chosen from is copied with it.
    """
    run = best.run
    folder = new_folder(run.plan.source, run.plan.architecture.cell, out)
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


def _suggested(
    trial: optuna.Trial, plan: Plan, free: Sequence[str], *, one_layer_too: bool
) -> dict[str, Any]:
    """Return the values that `trial` suggests for the free options.

    Dropout is suggested for two layers only, because it acts between layers; in networks of text it
    also acts around `one_layer_too`.
    """
    suggested: dict[str, Any] = {}
    units = plan.architecture.units
    if "cell" in free:
        suggested["cell"] = trial.suggest_categorical("cell", CELLS)
    if "units" in free:
        layers = trial.suggest_int("layers", *LAYERS)
        size = trial.suggest_int("units", *UNITS, log=True)
        units = suggested["units"] = (size, math.ceil(size / 2))[:layers]
    if "lr" in free:
        suggested["lr"] = float(f"{trial.suggest_float('lr', *RATES, log=True):.3g}")
    if "dropout" in free and (one_layer_too or len(units) > 1):
        suggested["dropout"] = round(trial.suggest_float("dropout", *DROPOUT, step=0.05), 2)
    if "noise" in free:
        suggested["noise"] = round(trial.suggest_float("noise", *NOISE, step=0.05), 2)
    return suggested
