"""Cross-validation committees: one network per fold of the data, shipped as their mean.

A small data set has no rows to spare for validation, and what one small network learns from it
depends on its initial weights. So the data is cut into folds, and each member is trained on all
folds but one and validated on that one. Together the members have learnt from all the data, every
row is judged by the one member that has not seen it, and the mean of the members is shipped.

RUN/
    run.toml, best.safetensors ...     as in any run: the mean, as one network
    results.csv                        one row per epoch of each fold
    fold-1/ fold-2/ ...                the run of each member

Parmanto, Munro & Doyle 1996 (cross-validation committees); Krogh & Vedelsby 1995 (why it helps).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from seqrt.data import joined
from seqrt.errors import ModelError, UsageError
from seqrt.training.experiments.committee_picture import draw_committee
from seqrt.training.inputs.batches import predict
from seqrt.training.loop.distributed import check_one_process
from seqrt.training.loop.state import Epoch
from seqrt.training.networks.average import mean_of
from seqrt.training.networks.network import Network
from seqrt.training.problems.baselines import baseline
from seqrt.training.problems.problem import Problem
from seqrt.training.runs.folder import (
    RECORD,
    RESULTS,
    new_folder,
    read_record,
    read_rows,
    read_unfinished,
    sweep,
    write_record,
    write_rows,
)
from seqrt.training.runs.lock import locked
from seqrt.training.runs.memory import save_series, typical_series
from seqrt.training.runs.pictures import draw_run
from seqrt.training.runs.plan import Plan
from seqrt.training.runs.record import Result, check_data, record_of, timestamp
from seqrt.training.runs.run import Run, resume, start
from seqrt.training.runs.small_data import may_be_small, small_data_options
from seqrt.training.runs.weights import load_run, save_weights


@dataclass
class Committee:
    """A committee in training: train each of its `members`, then `finish`."""

    plan: Plan
    problem: Problem
    path: Path
    started: str

    def members(self) -> Iterator[Run]:
        """Yield the run of each member that is not finished: iterate it, then `finish` it."""
        with locked(self.path):
            for fold in self.folds:
                run = self._member(fold)
                if run is not None:
                    yield run

    def finish(self) -> Result:
        """Merge the members into one network; measure each on the fold it has not seen."""
        nets: list[Network] = []
        parts, predicted, baselines = [], [], []
        for fold, problem in zip(self.folds, self.plan.fold_problems(), strict=True):
            net = load_run(self.folder(fold))
            assert isinstance(net, Network)  # a plan with folds has windows
            nets.append(net)
            parts.append(problem.judged)
            predicted.append(predict(nets[-1], problem.judged.x))
            baseline_name, of_baseline = baseline(problem)
            baselines.append(of_baseline)
        problem = replace(self.problem, validation=joined(parts), folded=True)
        out_of_fold = np.concatenate(predicted)
        metadata = replace(problem.metadata, text=nets[0].metadata.text)  # with its width
        save_weights(mean_of(nets, metadata), self.path)
        save_series(typical_series(problem.train), self.path)
        write_rows(self.path, self._rows())
        curves = draw_committee(self.path, self.epochs(), problem.metadata.name)
        result = Result.of(
            self.path,
            problem,
            out_of_fold,
            (baseline_name, np.concatenate(baselines)),
            pictures=(curves, *draw_run(self.path, problem, [], out_of_fold)),
        )
        result.save(self.record())
        return result

    def epochs(self) -> list[list[Epoch]]:
        """Return the epochs of each member; raise ModelError if its results.csv is damaged."""
        return [_epochs(self.folder(fold)) for fold in self.folds]

    def _rows(self) -> Iterator[dict[str, Any]]:
        for fold, epochs in zip(self.folds, self.epochs(), strict=True):
            yield from ({"fold": fold, **asdict(epoch)} for epoch in epochs)

    def folder(self, fold: int) -> Path:
        """Return the folder of a member's run."""
        return self.path / f"fold-{fold}"

    def record(self) -> dict[str, Any]:
        """Return the entries of run.toml that are known from the start."""
        return record_of(self.plan, self.problem, self.started)

    @property
    def folds(self) -> range:
        """The numbers of the folds, from 1."""
        assert self.plan.folds is not None
        return range(1, self.plan.folds + 1)

    def _member(self, fold: int) -> Run | None:
        """Start or resume the run of a member; return None if it is finished."""
        folder = self.folder(fold)
        if not (folder / RECORD).exists():
            if folder.exists():
                sweep(folder)
            return start(self.plan.with_options(fold=fold), folder)
        return None if "result" in read_record(folder) else resume(folder)


def _epochs(folder: Path) -> list[Epoch]:
    try:
        return [Epoch.of_row(row) for row in read_rows(folder)]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"E_RUN_DAMAGED: {folder / RESULTS} must hold a row for each epoch, but cannot be read"
            f" ({error}). Train again."
        ) from None


def train(plan: Plan, out: str | Path | None = None) -> Result:
    """Train as `plan` says, or in the folds that suit its data, from start to finish."""
    plan = in_usual_folds(plan)
    if plan.folds and not plan.fold:
        committee = start_committee(plan, out)
        for member in committee.members():
            for _ in member:
                pass
            member.finish()
        return committee.finish()
    run = start(plan, out)
    for _ in run:
        pass
    return run.finish()


def in_usual_folds(plan: Plan) -> Plan:
    """Return the plan with the folds that few sequences are trained in by default, if any.

    Raises UsageError if these are the default, but torchrun has started several processes.
    """
    if plan.folds or not may_be_small(plan):
        return plan
    folds = small_data_options(plan, plan.with_options(val=0.0).problem()).get("folds")
    if folds is None:
        return plan
    check_one_process(f"training on so few sequences, in {folds} folds,", "give --val 0.2")
    return plan.with_options(folds=folds)


def start_committee(plan: Plan, out: str | Path | None = None) -> Committee:
    """Read the data and make the committee's folder: `out`, or a new one in runs/.

    Raises UsageError if the plan has no `folds`, or has layer normalisation, with which the members
    cannot be merged into one network.
    """
    check_one_process("a committee")
    if plan.folds is None or plan.architecture.layer_norm:
        raise UsageError(
            "a committee needs folds, and no layer normalisation, so that its members can be"
            f" averaged into one network; got folds {plan.folds}, layer norm"
            f" {plan.architecture.layer_norm}."
        )
    # made before the folder, to raise if folds are too short
    member, _ = (plan.with_options(fold=fold).problem() for fold in (1, plan.folds))
    problem = plan.with_options(val=0.0).problem()
    # a member trains on less than all the data, and makes 500 steps in more epochs
    epochs, patience = attrgetter("epochs", "patience")(plan.resolved(member))
    resolved = plan.resolved(problem).with_options(val=plan.val, epochs=epochs, patience=patience)
    folder = new_folder(plan.source, resolved.architecture.cell, out)
    committee = Committee(resolved, problem, folder, timestamp())
    write_record(committee.path, committee.record())
    return committee


def resume_committee(path: str | Path) -> Committee:
    """Resume an unfinished committee; raises the errors of `training.resume`."""
    record = read_unfinished(path)
    plan = Plan.of_record(record.get("plan", {}))
    problem = plan.with_options(val=0.0).problem()
    check_data(record, problem, plan.source)
    sweep(Path(path))
    return Committee(plan, problem, Path(path), str(record.get("started", "")))


def is_committee(path: str | Path) -> bool:
    """Return whether `path` is the folder of a committee, not of a member or another run."""
    plan = read_record(path).get("plan", {})
    return "folds" in plan and "fold" not in plan
