"""The work behind `seqrt train`: a plan becomes a run folder with a trained network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from seqrt import __version__
from seqrt.errors import DeviceError, UsageError
from seqrt.metrics import measure
from seqrt.training.baselines import baseline
from seqrt.training.batches import answers
from seqrt.training.fit import Epoch, fit
from seqrt.training.network import Network
from seqrt.training.pictures import draw
from seqrt.training.plan import Plan
from seqrt.training.problem import Problem
from seqrt.training.runs import add_row, new_folder, save_weights, write_record
from seqrt.training.threads import torch_threads

_SMALL = 128
_MOST_THREADS = 4


@dataclass(frozen=True)
class Result:
    """What a run came to, beside a baseline: figures in raw units, by their names.

    `part` is the part of the data that they were taken on: validation, or training where nothing
    was kept.
    """

    path: Path
    part: str
    figures: dict[str, float]
    baseline: str
    baseline_figures: dict[str, float]
    best_epoch: int
    pictures: tuple[Path, ...]


@dataclass
class Run:
    """A training under way: iterate to train, then `finish`.

    A break, Ctrl-C or an error leaves the best weights so far in `net` and in the run's folder.
    """

    plan: Plan
    problem: Problem
    net: Network
    path: Path
    started: str
    epochs: list[Epoch] = field(default_factory=list)

    def __iter__(self) -> Iterator[Epoch]:
        """Train; yield after every pass, when its row and the best weights are on the disk."""
        train, kept = self.problem.train, self.problem.validation
        val = (kept.x, kept.y) if kept else None
        loop = fit(self.net, train.x, train.y, val=val, **asdict(self.plan.recipe()))
        with torch_threads(_threads(self.plan)), closing(loop):
            for epoch in loop:
                self.epochs.append(epoch)
                add_row(self.path, asdict(epoch))
                if epoch.best:
                    save_weights(self.net, self.path)
                yield epoch

    def finish(self) -> Result:
        """Judge the best weights beside a baseline, and write figures and pictures."""
        self.net.cpu()
        part, about = self.problem.judged, self.problem.about
        predicted = answers(self.net, part.x)
        plain_name, plain = baseline(self.problem)
        result = Result(
            path=self.path,
            part="validation" if self.problem.validation else "training",
            figures=measure(about.task, part.truth, predicted, about.classes),
            baseline=plain_name,
            baseline_figures=measure(about.task, part.truth, plain, about.classes),
            best_epoch=max((epoch.number for epoch in self.epochs if epoch.best), default=0),
            pictures=draw(self.path, self.problem, self.epochs, predicted),
        )
        write_record(self.path, self.record() | {"result": _entry(result)})
        return result

    def record(self) -> dict[str, Any]:
        """Return what run.toml says from the start."""
        return {"started": self.started, "seqrt": __version__, "plan": self.plan.record()}


def start(plan: Plan, out: str | Path | None = None) -> Run:
    """Read the data, make the network and the run's folder: `out`, or a new one in runs/."""
    plan.recipe()
    device = _device(plan.device)
    problem = plan.problem()
    net = plan.network(problem).to(device)
    plan = plan.resolved(problem)
    started = datetime.now(UTC).isoformat(timespec="microseconds")
    run = Run(plan, problem, net, new_folder(plan.source, plan.cell, out), started)
    write_record(run.path, run.record())
    return run


def train(plan: Plan, out: str | Path | None = None) -> Result:
    """Do all that `plan` says at once: `start`, every epoch, `finish`."""
    run = start(plan, out)
    for _ in run:
        pass
    return run.finish()


def _entry(result: Result) -> dict[str, Any]:
    return {
        "part": result.part,
        "best_epoch": result.best_epoch,
        "figures": result.figures,
        "baseline": {"name": result.baseline, **result.baseline_figures},
    }


def _device(name: str) -> torch.device:
    """Return the device that `name` asks for; only auto may choose."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?", name):
        raise UsageError(f"device must be cpu, cuda, cuda:NUMBER or auto, got {name!r}.")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"E_DEVICE: device {name!r} is not available; torch sees {torch.cuda.device_count()}"
            " CUDA devices here. Use --device cpu."
        )
    return device


def _threads(plan: Plan) -> int:
    """Return how many threads pay: small networks lose more by waiting than they gain."""
    return 1 if max(plan.units) < _SMALL else min(torch.get_num_threads(), _MOST_THREADS)
