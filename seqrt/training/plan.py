"""Everything that decides a run: what `seqrt train` is told, and what run.toml keeps."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import torch

from seqrt.contract.manifest import Cell, Nonlinearity, Task
from seqrt.errors import UsageError
from seqrt.training.initial import remember
from seqrt.training.network import Network
from seqrt.training.prepare import prepare
from seqrt.training.problem import Problem
from seqrt.training.recipe import Recipe

Init = Literal["chrono", "torch"]

# Fewer steps than this are remembered with any weights, and gates that stay open then only hinder:
# forecasts of the yearly sunspots from 24 years err by a tenth to a third more.
_LONG = 50


@dataclass(frozen=True)
class Plan:
    """What is to be learnt from which data, by which network, in which way.

    None and empty mean: tell it from the data. `span` keeps the rows of a table from one time to
    another, `val` is the share of the data that is kept for validation. `init` says how the first
    weights are drawn: "chrono" to remember `memory` steps, by default the longest sequence, or as
    "torch" does; by default the former for sequences of more than 50 steps.
    """

    source: str
    task: Task | None = None
    target: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    window: int | None = None
    horizon: int | None = None
    span: tuple[str | None, str | None] | None = None
    val: float = 0.2
    cell: Cell = "lstm"
    units: tuple[int, ...] = (64, 32)
    bidirectional: bool = False
    dropout: float = 0.0
    layer_norm: bool = False
    nonlinearity: Nonlinearity = "tanh"
    init: Init | None = None
    memory: int | None = None
    epochs: int = Recipe.epochs
    batch_size: int = Recipe.batch_size
    lr: float = Recipe.lr
    clip: float = Recipe.clip
    patience: int | None = 25
    noise: float = Recipe.noise
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Raise UsageError for first weights that nobody knows."""
        if self.init not in (None, *get_args(Init)):
            raise UsageError(f"init must be one of {', '.join(get_args(Init))}, got {self.init!r}.")
        if self.memory is not None and (self.memory < 1 or self.init == "torch"):
            raise UsageError(
                f"memory must be a number of steps from 1, for init chrono, got {self.memory} with"
                f" init {self.init or 'chrono'}."
            )

    def recipe(self) -> Recipe:
        """Return the numbers of the loop; raise UsageError where one makes no sense."""
        return Recipe(**{name.name: getattr(self, name.name) for name in fields(Recipe)})

    def problem(self) -> Problem:
        """Read the data and make the problem; raise UsageError or InputError where that fails."""
        names = ("task", "target", "features", "window", "horizon", "val", "span", "seed")
        return prepare(self.source, **{name: getattr(self, name) for name in names})

    def network(self, problem: Problem) -> Network:
        """Make the network for `problem`, its weights drawn from `seed` alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            net = Network(
                self.cell,
                len(problem.about.features),
                self.units,
                len(problem.about.outputs),
                bidirectional=self.bidirectional,
                head=problem.head,
                activation=problem.activation,
                nonlinearity=self.nonlinearity,
                dropout=self.dropout,
                layer_norm=self.layer_norm,
            )
            plan = self.resolved(problem)
            if plan.memory is not None:
                remember(net, plan.memory)
        net.about = problem.about
        net.set_scaling(net.about.features, net.about.outputs)
        return net

    def resolved(self, problem: Problem) -> Plan:
        """Fill in what was told from the data."""
        about = problem.about
        table = about.window is not None
        longest = max(map(len, problem.train.x))
        init = self.init or ("chrono" if self.memory or longest > _LONG else "torch")
        return replace(
            self,
            task=about.task,
            target=problem.targets,
            features=tuple(column.name for column in about.features) if table else (),
            window=about.window,
            horizon=about.horizon,
            init=init,
            memory=(self.memory or longest) if init == "chrono" else None,
        )

    def record(self) -> dict[str, Any]:
        """Return the plan as TOML can hold it: without what is None or empty."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.span:
            values["span"] = [end or "" for end in self.span]
        return {name: value for name, value in values.items() if value not in (None, ())}
