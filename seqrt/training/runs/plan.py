"""The plan of a run: all of its options, as on the command line and in run.toml."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final, Literal, get_args

import numpy as np
import torch

from seqrt.errors import UsageError
from seqrt.training.forecasting.make import forecaster_for
from seqrt.training.forecasting.options import ForecastOptions
from seqrt.training.loop.loss import check_balance
from seqrt.training.loop.recipe import Recipe
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.initialise import chrono_initialise, forget_constants
from seqrt.training.networks.network import LATER, Architecture, Network
from seqrt.training.networks.stack import Stack
from seqrt.training.problems.features import options_of
from seqrt.training.problems.options import DataOptions
from seqrt.training.problems.prepare import splitter
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.split import Fold
from seqrt.training.runs.forecast_plan import USUAL_SHARE, cut_of, forecaster_options, rows_of
from seqrt.training.runs.start_from import with_settings
from seqrt.training.runs.text.defaults import start_head, text_options
from seqrt.training.runs.window_plan import window_options

Init = Literal["chrono", "torch"]
AUTO: Final = "auto"

# Options that older versions did not have: recorded only where they differ from these.
_LATER: Final = {
    "balance": False,
    "channels_first": False,
    "method": "auto",
    "min_count": 2,
    **LATER,
}

_FEWEST_FOLDS = 2
_MOST_THREADS = 256

# The options that a plan holds in its parts.
_PARTS: Final[dict[str, type]] = {
    "data": DataOptions,
    "architecture": Architecture,
    "forecast": ForecastOptions,
    "recipe": Recipe,
}
_NAMES: Final = {part: tuple(each.name for each in fields(kind)) for part, kind in _PARTS.items()}
_PART_OF: Final = {name: part for part, names in _NAMES.items() for name in names}

# The numbers of a recipe that can be inferred, and the value that asks for it.
_INFERRED: Final = {"epochs": None, "patience": None, "lr": AUTO}


@dataclass(frozen=True, init=False)
class Plan:
    """What a run trains, on which data and how.

    The options of the data, the network and the training loop are grouped in `data`, `architecture`
    and `recipe`; all are given by name, `Plan("data.csv", cell="gru", epochs=5)`, and can be read
    as `plan.cell` as well as `plan.architecture.cell`. None and () mean: infer it from the data.

    Split: `val` is the share of all data that is set aside for validation. With `folds`, that many
    networks are trained, each validated on its own part of the data (see
    training.experiments.committee); `fold` is the number of this one, from 1.

    Start: `start_from` is a run whose weights and scaling training starts from; it fills in the
    rest of the plan (see training.runs.start_from).

    Initial weights: with `init` "chrono" they are drawn to remember `memory` steps, by default the
    longest sequence and at most `tbptt` steps, because no gradient teaches the network to remember
    anything for longer; with "torch" they are PyTorch's. By default, "chrono" is for sequences of
    more than 50 steps, or 50 segments, and for built-in tasks.

    Training: `unresolved` names the numbers in `recipe` that are still to be inferred. `epochs` is
    then 100, for a built-in task 10, or as many more as make 500 steps of the optimiser; `patience`
    is a quarter of the epochs, for a built-in task all of them; and an `lr` of "auto" is found by
    the learning-rate finder (see training.loop.lr_finder). By default, `threads` is the number that
    trains fastest. The last bits of the weights depend on it, so a resumed run keeps its number.

    `given` names the options that were given by name: the others give way to what suits a
    forecaster, or few sequences (see runs.forecast_plan and runs.small_data).
    """

    source: str | tuple[str, ...]
    data: DataOptions = field(default_factory=DataOptions)
    val: float = USUAL_SHARE
    folds: int | None = None
    fold: int | None = None
    start_from: str | None = None
    architecture: Architecture = field(default_factory=Architecture)
    forecast: ForecastOptions = field(default_factory=ForecastOptions)
    init: Init | None = None
    memory: int | None = None
    recipe: Recipe = field(default_factory=Recipe)
    device: str = "cpu"
    threads: int | None = None
    unresolved: frozenset[str] = frozenset({"epochs", "patience"})
    given: frozenset[str] = field(default=frozenset(), compare=False)

    def __init__(self, source: str | tuple[str, ...], **options: Any) -> None:
        """Make a plan from its options by name; raise UsageError if one is invalid."""
        named: frozenset[str] = options.pop("given", frozenset())
        if "architecture" not in options:  # else these are the fields of a plan that is complete
            options = with_settings(options)
            named |= options.keys()
        if "recipe" in options and "unresolved" not in options:
            options = asdict(options.pop("recipe")) | options
        own: dict[str, Any] = {each.name: each.default for each in fields(Plan)}
        own |= {"source": source} | {part: kind() for part, kind in _PARTS.items()}
        flat = {name: options.pop(name) for name in list(options) if name not in own}
        own |= options
        if unknown := flat.keys() - _PART_OF.keys():
            raise TypeError(f"Plan() got an unexpected keyword argument {min(unknown)!r}")
        own["unresolved"] = _unresolved(own["unresolved"], flat)
        own["given"] = named | flat.keys()
        for part, names in _NAMES.items():
            given = {name: flat[name] for name in names if name in flat}
            own[part] = replace(own[part], **_with_defaults(type(own[part]), given))
        for name, value in own.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        if self.init not in (None, *get_args(Init)):
            raise UsageError(f"init must be one of {', '.join(get_args(Init))}, got {self.init!r}.")
        if self.memory is not None and (self.memory < 1 or self.init == "torch"):
            raise UsageError(
                f"memory must be a number of steps from 1, for init chrono, got {self.memory} with"
                f" init {self.init or 'chrono'}."
            )
        if self.threads is not None and not 1 <= self.threads <= _MOST_THREADS:
            raise UsageError(f"threads must be from 1 to {_MOST_THREADS}, got {self.threads}.")
        if self.folds is not None and self.folds < _FEWEST_FOLDS:
            raise UsageError(f"folds must be at least {_FEWEST_FOLDS}, got {self.folds}.")

    def __getattr__(self, name: str) -> Any:
        """Return an option of one of the parts; as given, if it is unresolved."""
        if name not in _PART_OF:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name in _INFERRED and name in self.unresolved:
            return _INFERRED[name]
        return getattr(getattr(self, _PART_OF[name]), name)

    @classmethod
    def of_options(cls, source: str | tuple[str, ...], options: Mapping[str, Any]) -> Plan:
        """Return the plan with these options by name; one that is None takes its default."""
        return cls(source, **{name: value for name, value in options.items() if value is not None})

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Plan:
        """Return the plan from its `record`; raise UsageError if it does not form one."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record.items()
        }
        if "span" in values:
            values["span"] = tuple(end or None for end in values["span"])
        earlier = values.pop("start_from", None)  # whose settings are in the record
        try:
            # an option that the record does not have is one that was left at its default
            plan = cls(**values, given=frozenset(_PART_OF))
            return plan.with_options(start_from=earlier)
        except TypeError as error:
            raise UsageError(
                f"the plan in run.toml does not fit this seqrt: {error}. Train again."
            ) from None

    def record(self) -> dict[str, Any]:
        """Return the plan as entries of TOML, without the options that are None or empty."""
        values = {"source": self.source, **self.options()}
        if self.span:
            values["span"] = [end or "" for end in self.span]
        kept = {name: value for name, value in values.items() if value not in (None, ())}
        return {name: value for name, value in kept.items() if value != _LATER.get(name)}

    def options(self) -> dict[str, Any]:
        """Return all options by name, flat, in the order in which run.toml lists them."""
        names: list[str] = []
        parts = {"source": (), "unresolved": (), "given": (), **_NAMES}
        for each in fields(self):
            names += parts.get(each.name, (each.name,))
        for name, next_one in (("missing", _NAMES["architecture"][0]), ("seed", "device")):
            names.remove(name)
            names.insert(names.index(next_one), name)
        return {name: getattr(self, name) for name in names}

    def with_options(self, **options: Any) -> Plan:
        """Return the plan with these options changed."""
        if "recipe" in options:
            options = asdict(options.pop("recipe")) | options
        return replace(self, **options)

    def problem(self, earlier: Stack | None = None) -> Problem:
        """Read the data, as that of the `earlier` network if there is one; make the problem."""
        split = self._splitter(earlier)
        return split(Fold(self.fold, self.folds) if self.fold and self.folds else self.val)

    def fold_problems(self) -> Iterator[Problem]:
        """Read the data once and yield the problem of each fold, all over one array of values."""
        split, folds = self._splitter(), self.folds or 0
        return (split(Fold(fold, folds)) for fold in range(1, folds + 1))

    def _splitter(self, earlier: Stack | None = None) -> Callable[[float | Fold], Problem]:
        return splitter(
            self.source,
            self.data,
            self.recipe.seed,
            earlier.metadata if earlier else None,
            one_mean=bool(self.front),
            cut=cut_of(self, earlier),
            rows_of=rows_of(self),
            usual_val="val" not in self.given,
        )

    def network(self, problem: Problem) -> Network | Forecaster:
        """Make the network for `problem`, its weights drawn from the seed and `fold` alone."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.fold_recipe().seed)
            if problem.forecaster:
                return forecaster_for(problem)
            plan = self.resolved(problem)
            text = problem.metadata.text
            net = Network(
                **asdict(plan.architecture),
                features=len(problem.metadata.features),
                outputs=len(problem.metadata.outputs),
                head=problem.head,
                activation=problem.activation,
                missing=self.missing,
                tokens=text.size if text else 0,
            )
            if plan.memory is not None:
                chrono_initialise(net, plan.memory)
            forget_constants(net, problem.metadata)
            start_head(net, problem)
        net.metadata = problem.metadata
        if text:
            net.metadata = replace(net.metadata, text=replace(text, width=plan.embedding))
        net.set_scaling(net.metadata.features, net.metadata.outputs)
        return net

    def fold_recipe(self) -> Recipe:
        """Return the recipe with the seed of this fold.

        Initial weights, shuffle, dropout and noise differ from fold to fold; the data, drawn from
        the seed of the plan, is the same in all of them.
        """
        if self.method == "forecaster":  # whose noise is added to the normalised lags
            return replace(self.recipe, noise=0.0)
        if self.fold is None:
            return self.recipe
        drawn = np.random.SeedSequence((self.recipe.seed, self.fold)).generate_state(1)[0]
        return replace(self.recipe, seed=int(drawn))

    def resolved(self, problem: Problem) -> Plan:
        """Return the plan with the options filled in that are inferred from the data.

        Raises UsageError if classes are to be balanced, but there are none.
        """
        if self.recipe.balance:
            check_balance(problem.activation)
        metadata, found = problem.metadata, window_options
        if problem.forecaster:
            found = forecaster_options
        elif metadata.text:
            found = text_options
        return self.with_options(
            task=metadata.task,
            target=problem.targets,
            **options_of(metadata),
            horizon=metadata.horizon,
            **found(self, problem),
        )


def _unresolved(before: frozenset[str], given: Mapping[str, Any]) -> frozenset[str]:
    """Return which numbers are to be inferred, after `given` options replace earlier ones."""
    lr = given.get("lr")
    if isinstance(lr, str) and lr != AUTO:
        raise UsageError(f"lr must be a number or {AUTO}, got {lr!r}.")
    left_open = {name for name, value in _INFERRED.items() if given.get(name, ...) == value}
    return frozenset(before - given.keys() | left_open)


def _with_defaults(part: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options given for a part of a plan; None, or an lr of "auto", is the default."""
    return {
        name: getattr(part, name) if value is None or value == _INFERRED.get(name) else value
        for name, value in given.items()
    }
