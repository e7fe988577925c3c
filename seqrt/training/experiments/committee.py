"""Several trainings of one plan, each validated on a part of the data of its own; they ship as one.

Few data are too few to keep a part of them from training, and what one small network learns from
them hangs on its first weights. So the data are cut into folds, and for each a network learns from
all the others. Together they have learnt from everything, every datum is judged by the one network
that has not seen it, and the answer that ships is the mean of all.

RUN/
    run.toml, best.safetensors ...     as of any run: the mean, as one network
    fold-1/ fold-2/ ...                the run of each member

Parmanto, Munro & Doyle 1996 (cross-validation committees); Krogh & Vedelsby 1995 (why it helps).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from seqrt.data import joined
from seqrt.errors import UsageError
from seqrt.metrics import measure
from seqrt.training.inputs.batches import predict
from seqrt.training.loop.distributed import check_one_process
from seqrt.training.networks.average import mean_of
from seqrt.training.problems.baselines import baseline
from seqrt.training.problems.problem import Problem
from seqrt.training.runs.folder import (
    RECORD,
    load_run,
    new_folder,
    read_record,
    save_weights,
    sweep,
    write_record,
)
from seqrt.training.runs.lock import locked
from seqrt.training.runs.memory import save_series, typical
from seqrt.training.runs.pictures import draw
from seqrt.training.runs.plan import Plan
from seqrt.training.runs.record import Result, check_data, entry, record_of
from seqrt.training.runs.run import Run, resume, start


@dataclass
class Committee:
    """A committee under way: train each of its `turns`, then `finish`."""

    plan: Plan
    problem: Problem
    path: Path
    started: str

    def turns(self) -> Iterator[Run]:
        """Yield the training of each member that is not finished: iterate it, `finish` it."""
        with locked(self.path):
            for fold in self.folds:
                run = self._member(fold)
                if run is not None:
                    yield run

    def finish(self) -> Result:
        """Join the members to one network, and judge them, each on what it has not seen."""
        nets, parts, predicted, plain = [], [], [], []
        for fold in self.folds:
            problem = replace(self.plan, fold=fold).problem()
            nets.append(load_run(self.folder(fold)))
            parts.append(problem.judged)
            predicted.append(predict(nets[-1], problem.judged.x))
            plain_name, said = baseline(problem)
            plain.append(said)
        problem = replace(self.problem, validation=joined(parts), folded=True)
        metadata, truth, found = problem.metadata, problem.judged.truth, np.concatenate(predicted)
        save_weights(mean_of(nets, metadata), self.path)
        save_series(typical(problem.train), self.path)
        result = Result(
            path=self.path,
            part=problem.part,
            figures=measure(metadata.task, truth, found, metadata.classes),
            baseline=plain_name,
            baseline_figures=measure(metadata.task, truth, np.concatenate(plain), metadata.classes),
            best_epoch=0,
            pictures=draw(self.path, problem, [], found),
        )
        write_record(self.path, self.record() | {"result": entry(result)})
        return result

    def folder(self, fold: int) -> Path:
        """Return the folder of a member's run."""
        return self.path / f"fold-{fold}"

    def record(self) -> dict[str, Any]:
        """Return what run.toml says from the start."""
        return record_of(self.plan, self.problem, self.started)

    @property
    def folds(self) -> range:
        """The numbers of its members."""
        assert self.plan.folds is not None
        return range(1, self.plan.folds + 1)

    def _member(self, fold: int) -> Run | None:
        """Return a member's training where it stands; None where it is finished."""
        folder = self.folder(fold)
        if not (folder / RECORD).exists():
            if folder.exists():
                sweep(folder)
            return start(replace(self.plan, fold=fold), folder)
        return None if "result" in read_record(folder) else resume(folder)


def convene(plan: Plan, out: str | Path | None = None) -> Committee:
    """Read the data and make the committee's folder: `out`, or a new one in runs/.

    Raises UsageError where the plan has no `folds`, or layer normalisation, which has no mean.
    """
    check_one_process("a committee")
    if plan.folds is None or plan.layer_norm:
        raise UsageError(
            "a committee needs folds, and layers without normalisation between them, so that its"
            f" mean is one network; got folds {plan.folds}, layer norm {plan.layer_norm}."
        )
    for fold in (1, plan.folds):
        replace(plan, fold=fold).problem()
    problem = replace(plan, val=0.0).problem()
    resolved = replace(plan.resolved(problem), val=plan.val)
    started = datetime.now(UTC).isoformat(timespec="microseconds")
    committee = Committee(resolved, problem, new_folder(plan.source, plan.cell, out), started)
    write_record(committee.path, committee.record())
    return committee


def reconvene(path: str | Path) -> Committee:
    """Go on with an unfinished committee; raise as `training.resume` does."""
    record = read_record(path)
    if "result" in record:
        raise UsageError(f"{path} is finished. Use it with: seqrt export {path}")
    plan = Plan.of_record(record.get("plan", {}))
    problem = replace(plan, val=0.0).problem()
    check_data(record, problem, plan.source)
    sweep(Path(path))
    return Committee(plan, problem, Path(path), str(record.get("started", "")))


def is_committee(path: str | Path) -> bool:
    """Say whether `path` is the folder of a committee, not of one of its members or another run."""
    plan = read_record(path).get("plan", {})
    return "folds" in plan and "fold" not in plan
