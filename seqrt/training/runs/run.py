"""Runs: from a plan to a folder with a trained network, and resuming after an interruption."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.data.readers.source import shown
from seqrt.errors import TrainingError, UsageError
from seqrt.files import write_bytes
from seqrt.training.forecasting.finish import calibrate, predictions, refit, uncalibrate
from seqrt.training.loop.checkpoints import Checkpoints
from seqrt.training.loop.distributed import (
    SINGLE_PROCESS,
    ProcessGroup,
    device_of,
    join,
    resolved_device,
)
from seqrt.training.loop.fit import fit_recipe
from seqrt.training.loop.lr_finder import find_learning_rate
from seqrt.training.loop.state import Epoch
from seqrt.training.loop.threads import torch_threads
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.problems.baselines import baseline
from seqrt.training.problems.problem import Problem
from seqrt.training.runs.folder import (
    RESULTS,
    START,
    add_row,
    cut_rows,
    discard,
    new_folder,
    newest_unfinished,
    read_unfinished,
    sweep,
    write_record,
)
from seqrt.training.runs.lock import locked
from seqrt.training.runs.memory import save_series, typical_series
from seqrt.training.runs.memory_picture import draw_memory
from seqrt.training.runs.pictures import draw_run
from seqrt.training.runs.plan import Plan
from seqrt.training.runs.record import Result, check_data, record_of, timestamp
from seqrt.training.runs.start_from import check_plan, continued
from seqrt.training.runs.telling_tokens import draw_telling_tokens
from seqrt.training.runs.text.language_model import language_result
from seqrt.training.runs.weights import Trained, network_of, save_weights, with_origin


@dataclass
class Run:
    """One training: iterate to train, then `finish`.

    After a `break`, Ctrl-C, an error or `stop`, the best weights so far are in `net` and in the
    folder of the run. However a run was interrupted, even by a kill, `resume` continues it to the
    same final weights. `warning` reports a damaged checkpoint of a resumed run. `origin` is the
    network that training started from, if it continues an earlier run (see runs.start_from).

    Processes started by torchrun each hold a Run and train it together; only the first of them
    writes to the folder.
    """

    plan: Plan
    problem: Problem
    net: Trained
    path: Path
    started: str
    checkpoints: Checkpoints
    epochs: list[Epoch] = field(default_factory=list)
    warning: str | None = None
    group: ProcessGroup = SINGLE_PROCESS
    ended: bool = False
    origin: Trained | None = None

    def __iter__(self) -> Iterator[Epoch]:
        """Train; yield after every epoch, with its row and the best weights written."""
        train, validation = self.problem.train, self.problem.validation
        val = (validation.x, validation.y) if validation else None
        recipe = self.plan.fold_recipe()
        loop = fit_recipe(self.net, (train.x, train.y), val, recipe, self.checkpoints)
        threads = self.plan.threads or 1
        with self._lock(), torch_threads(threads), closing(loop):
            for epoch in self._until_all_end(loop):
                if self.group.is_first:
                    add_row(self.path, asdict(epoch))
                    if epoch.best:
                        save_weights(self.net, self.path)
                self.epochs.append(epoch)
                yield epoch

    def _lock(self) -> AbstractContextManager[None]:
        return locked(self.path) if self.group.is_first else nullcontext()

    def _until_all_end(self, loop: Iterator[Epoch]) -> Iterator[Epoch]:
        """Yield the epochs; set `ended` if training ends in the same way in all processes."""
        try:
            yield from loop
        except TrainingError:
            self.ended = True
            raise
        self.ended = True

    def stop(self) -> None:
        """Make training finish its step, save a checkpoint, and end."""
        self.checkpoints.stopping = True

    def discard(self) -> None:
        """Remove the folder of a run without a finished epoch, which frees its name."""
        if self.group.is_first:
            self.checkpoints.remove()
            discard(self.path)

    @property
    def stopped(self) -> bool:
        """Whether training ended because this or another process asked it to."""
        return self.checkpoints.stopping

    def leave(self) -> None:
        """Wait for all processes if training ended in all, or torchrun would kill slower ones."""
        if self.ended:
            self.group.wait()

    def finish(self) -> Result:
        """Measure the best weights and a baseline; write the metrics and pictures."""
        self.net.cpu()
        linear = None
        if isinstance(self.net, Forecaster):
            linear = calibrate(self.net, self.problem, self.origin)
        result = self._result()
        if isinstance(self.net, Forecaster):
            refit(self.net, linear, self.problem)
            if self.group.is_first:
                save_weights(self.net, self.path)
        if self.group.is_first:
            result.save(self.record())
            self.checkpoints.remove()
            (self.path / START).unlink(missing_ok=True)
        self.leave()
        return result

    def _result(self) -> Result:
        best = max((epoch.number for epoch in self.epochs if epoch.best), default=0)
        if self.problem.metadata.task == "generate":
            drawn = self._pictures(np.empty((0, 0)))
            return language_result(self.path, self.net, self.problem, best, drawn)
        predicted = predictions(self.net, self.problem)
        of_baseline, drawn = baseline(self.problem), self._pictures(predicted)
        return Result.of(
            self.path, self.problem, predicted, of_baseline, best_epoch=best, pictures=drawn
        )

    def _pictures(self, predicted: NDArray[Any]) -> tuple[Path, ...]:
        if not self.group.is_first:
            return ()
        return (
            *draw_run(self.path, self.problem, self.epochs, predicted),
            *draw_telling_tokens(self.path, self.net, self.problem.judged.x),
            *self._memory(),
        )

    def _memory(self) -> tuple[Path, ...]:
        """Save the typical series that export measures the memory on, and draw the memory."""
        series = typical_series(self.problem.validation or self.problem.train)
        initial = self.origin or self.plan.network(self.problem)
        save_series(series, self.path)
        longest = self.problem.train.x.longest
        return draw_memory(self.path, self.net, initial, series, longest)

    def record(self) -> dict[str, Any]:
        """Return the entries of run.toml that are known from the start."""
        return record_of(self.plan, self.problem, self.started)


def start(plan: Plan, out: str | Path | None = None) -> Run:
    """Read the data, make the network and the run's folder: `out`, or a new one in runs/."""
    plan = plan.with_options(device=resolved_device(plan.device))
    device, group = device_of(plan.device), join()
    weights = _weights(group, plan.start_from)
    problem, net, origin = _begin(plan, weights)
    if problem.forecaster and not group.is_single:
        raise UsageError(
            "several processes train networks over windows, but this forecast is made by a"
            " forecaster. Use --recipe plain, or a single process."
        )
    net = net.to(device)
    plan = plan.resolved(problem)
    if "lr" in plan.unresolved:
        x, y, recipe = problem.train.x, problem.train.y, plan.fold_recipe()
        with torch_threads(plan.threads or 1):
            rate = _from_first(group, lambda: find_learning_rate(net, x, y, recipe))
        plan = plan.with_options(lr=rate)
    started = timestamp()
    folder = Path(_from_first(group, lambda: new_folder(plan.source, plan.architecture.cell, out)))
    run = Run(plan, problem, net, folder, started, _checkpoints(folder, plan), group=group)
    run.origin = origin
    if group.is_first:
        try:
            if plan.start_from:
                write_bytes(run.path / START, weights)
            write_record(run.path, run.record())
        except BaseException:
            discard(run.path)
            raise
    return run


def resume(path: str | Path | None = None) -> Run:
    """Resume an unfinished run, by default the newest in runs/, from its last checkpoint.

    Iterate and `finish` as after `start`: weights and metrics are those of a run that never
    stopped. Raises UsageError for a run that is finished or being trained, InputError
    (E_DATA_CHANGED) if its data has changed, ModelError if its checkpoints are damaged.
    """
    group = join()
    name, record = _from_first(group, lambda: _unfinished(path))
    plan, path = Plan.of_record(record.get("plan", {})), Path(name)
    device = device_of(plan.device)
    weights = _weights(group, path / START if plan.start_from else None)
    problem, net, origin = _begin(plan, weights)
    check_data(record, problem, plan.source)
    checkpoints = _checkpoints(path, plan)
    rows, warning = _from_first(group, lambda: _load_checkpoint(path, checkpoints))
    epochs = [Epoch.of_row(row) for row in rows]
    run = Run(
        plan, problem, net.to(device), path, str(record.get("started", "")), checkpoints, epochs
    )
    return replace(run, warning=warning, group=group, origin=origin)


def _weights(group: ProcessGroup, path: str | Path | None) -> bytes:
    """Return the bytes of the weights to start from, which the first process reads; or none."""
    if path is None:
        return b""
    return group.from_first(lambda: with_origin(path))


def _begin(plan: Plan, weights: bytes) -> tuple[Problem, Trained, Trained | None]:
    """Return the problem of a plan, its network, and the one in `weights` that it starts from."""
    if not plan.start_from:
        problem = plan.problem()
        return problem, plan.network(problem), None
    origin = network_of(weights, Path(plan.start_from))
    check_plan(plan.start_from, origin, plan)
    problem = plan.problem(origin)
    problem = continued(problem, origin, shown(plan.source), plan.start_from)
    net = copy.deepcopy(origin)
    net.metadata = problem.metadata
    if isinstance(net, Forecaster) and problem.forecaster:
        net.architecture = problem.forecaster
        uncalibrate(net)
    return problem, net, origin


def _unfinished(path: str | Path | None) -> tuple[str, dict[str, Any]]:
    path = newest_unfinished() if path is None else Path(path)
    return str(path), read_unfinished(path)


def _load_checkpoint(
    path: Path, checkpoints: Checkpoints
) -> tuple[list[dict[str, str]], str | None]:
    """Load the checkpoint to resume from; return the rows of epochs before it, and a warning."""
    with locked(path):
        warning = checkpoints.load()
        rows = cut_rows(path, checkpoints.start.progress.number - 1)
        sweep(path)
    return rows, warning


def _from_first(group: ProcessGroup, find: Callable[[], Any]) -> Any:
    """Call `find` in the first process only; return its result in all of them, paths as text."""
    return json.loads(group.from_first(lambda: json.dumps(find(), default=str).encode()))


def _checkpoints(folder: Path, plan: Plan) -> Checkpoints:
    """Return the checkpoints of a run, marked with a digest of its plan."""
    record = json.dumps(plan.record(), sort_keys=True)
    digest = hashlib.sha256(record.encode()).hexdigest()
    return Checkpoints(folder, digest, sync_first=[folder / RESULTS])
