"""Everything that decides a run: what `seqrt train` is told, and what run.toml keeps."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, get_args

import numpy as np
import torch

from seqrt.contract.manifest import Cell, Missing, Nonlinearity, Task
from seqrt.errors import UsageError
from seqrt.training.loop.recipe import Recipe
from seqrt.training.loop.threads import threads_that_pay
from seqrt.training.networks.initialise import chrono_initialise
from seqrt.training.networks.network import Network
from seqrt.training.problems.prepare import prepare, usual_length
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.split import Fold
from seqrt.training.problems.tasks import TASKS

Init = Literal["chrono", "torch"]
AUTO: Final = "auto"

# Fewer steps than this are remembered with any weights, and gates that stay open then only hinder:
# forecasts of the yearly sunspots from 24 years err by a tenth to a third more.
_LONG = 50

# A few dozen sequences are one batch or two: a hundred passes over them are no training yet.
_LEAST = 500

_FEWEST_FOLDS = 2
_MOST_THREADS = 256

# The 8,000 sequences of a built-in task, on the other hand, are as many as 800 ten times over.
_EPOCHS_OF_A_TASK = 10


@dataclass(frozen=True)
class Plan:
    """What is to be learnt from which data, by which network, in which way.

    None and empty mean: tell it from the data. `span` keeps the rows of a table from one time to
    another, `val` is the share of the data that is kept for validation. With `folds` that many
    networks are trained, each validated on its own part of the data (see training.committee), and
    `fold` says which of them this is, from 1. `missing` is the policy for values that are missing:
    see seqrt.training.networks.missing. `init` says how the first weights are drawn: "chrono"
    to remember `memory` steps, by default the longest sequence and at most `tbptt` steps, because
    no gradient teaches what to hold for longer, or as "torch" does; by default the former for
    sequences of more than 50 steps and for built-in tasks. `lr` may be "auto", the rate that a
    short test of many finds (see training.range_test). `length` is that of what is built in.
    `epochs` are 100, for a built-in task 10, or as many more as make 500 steps of the optimiser,
    and `patience` is a quarter of them, for a task all. `threads` are as many as pay: the last bits
    of the weights depend on them, so a run goes on with those it began with.
    """

    source: str
    task: Task | None = None
    target: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    window: int | None = None
    horizon: int | None = None
    length: int | None = None
    span: tuple[str | None, str | None] | None = None
    val: float = 0.2
    folds: int | None = None
    fold: int | None = None
    missing: Missing = "error"
    cell: Cell = "lstm"
    units: tuple[int, ...] = (64, 32)
    bidirectional: bool = False
    dropout: float = 0.0
    layer_norm: bool = False
    nonlinearity: Nonlinearity = "tanh"
    init: Init | None = None
    memory: int | None = None
    epochs: int | None = None
    batch_size: int = Recipe.batch_size
    lr: float | Literal["auto"] = Recipe.lr
    clip: float = Recipe.clip
    patience: int | None = None
    noise: float = Recipe.noise
    tbptt: int | None = None
    accumulate: int = 1
    seed: int = 0
    device: str = "cpu"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for first weights that nobody knows."""
        if self.init not in (None, *get_args(Init)):
            raise UsageError(f"init must be one of {', '.join(get_args(Init))}, got {self.init!r}.")
        if self.memory is not None and (self.memory < 1 or self.init == "torch"):
            raise UsageError(
                f"memory must be a number of steps from 1, for init chrono, got {self.memory} with"
                f" init {self.init or 'chrono'}."
            )

        if isinstance(self.lr, str) and self.lr != AUTO:
            raise UsageError(f"lr must be a number or {AUTO}, got {self.lr!r}.")
        if self.threads is not None and not 1 <= self.threads <= _MOST_THREADS:
            raise UsageError(f"threads must be from 1 to {_MOST_THREADS}, got {self.threads}.")
        if self.folds is not None and self.folds < _FEWEST_FOLDS:
            raise UsageError(f"folds must be at least {_FEWEST_FOLDS}, got {self.folds}.")

    def with_options(self, **options: Any) -> Plan:
        """Return the plan with these options changed."""
        return replace(self, **options)

    def recipe(self) -> Recipe:
        """Return the numbers of the loop; raise UsageError where one makes no sense."""
        given = {field.name: getattr(self, field.name) for field in fields(Recipe)}
        given["seed"] = self._drawn_from()
        if self.lr == AUTO:
            del given["lr"]  # until the test has been made
        return Recipe(**{name: value for name, value in given.items() if value is not None})

    def problem(self) -> Problem:
        """Read the data and make the problem; raise UsageError or InputError where that fails."""
        names = ("task", "target", "features", "window", "horizon", "length", "span")
        given = {name: getattr(self, name) for name in (*names, "seed", "missing")}
        val = Fold(self.fold, self.folds) if self.fold and self.folds else self.val
        return prepare(self.source, val=val, **given)

    def network(self, problem: Problem) -> Network:
        """Make the network for `problem`, its weights drawn from `seed` and `fold` alone."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self._drawn_from())
            net = Network(
                self.cell,
                len(problem.metadata.features),
                self.units,
                len(problem.metadata.outputs),
                bidirectional=self.bidirectional,
                head=problem.head,
                activation=problem.activation,
                nonlinearity=self.nonlinearity,
                dropout=self.dropout,
                layer_norm=self.layer_norm,
                missing=self.missing,
            )
            plan = self.resolved(problem)
            if plan.memory is not None:
                chrono_initialise(net, plan.memory)
        net.metadata = problem.metadata
        net.set_scaling(net.metadata.features, net.metadata.outputs)
        return net

    def resolved(self, problem: Problem) -> Plan:
        """Fill in what was told from the data."""
        metadata = problem.metadata
        table = metadata.window is not None
        longest = self._longest(problem)
        built_in = self.source in TASKS
        far = self.memory or longest > _LONG or built_in
        init = self.init or ("chrono" if far else "torch")
        steps = self._steps(problem)
        usual = _EPOCHS_OF_A_TASK if built_in else Recipe.epochs
        epochs = self.epochs or max(usual, math.ceil(_LEAST / steps))
        return replace(
            self,
            task=metadata.task,
            target=problem.targets,
            features=tuple(column.name for column in metadata.features) if table else (),
            window=metadata.window,
            horizon=metadata.horizon,
            length=self.length or usual_length(self.source),
            init=init,
            epochs=epochs,
            # a task rests on a plateau until it is learnt, and cannot be learnt by heart
            patience=self.patience or (epochs if built_in else math.ceil(epochs / 4)),
            memory=(self.memory or longest) if init == "chrono" else None,
            threads=self.threads or threads_that_pay(self.cell, self.units),
        )

    def _drawn_from(self) -> int:
        """Return the seed of weights and shuffle; the data are drawn from `seed` in all folds."""
        if self.fold is None:
            return self.seed
        return int(np.random.SeedSequence((self.seed, self.fold)).generate_state(1)[0])

    def _longest(self, problem: Problem) -> int:
        """Return over how many steps a gradient goes back at most."""
        return min(max(map(len, problem.train.x)), self.tbptt or sys.maxsize)

    def _steps(self, problem: Problem) -> int:
        """Return about how many steps of the optimiser a pass over the data has."""
        batches = math.ceil(len(problem.train) / (self.batch_size * self.accumulate))
        if not self.tbptt or problem.head == "last":
            return batches
        return batches * math.ceil(max(map(len, problem.train.x)) / self.tbptt)

    def record(self) -> dict[str, Any]:
        """Return the plan as TOML can hold it: without what is None or empty."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.span:
            values["span"] = [end or "" for end in self.span]
        return {name: value for name, value in values.items() if value not in (None, ())}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Plan:
        """Return the plan that `record` wrote down; raise UsageError where it is none."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record.items()
        }
        if "span" in values:
            values["span"] = tuple(end or None for end in values["span"])
        try:
            return cls(**values)
        except TypeError as error:
            raise UsageError(f"a plan must hold what this seqrt knows: {error}.") from None
