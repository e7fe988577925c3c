"""Continuing with new data: a run that starts from the weights and the scaling of an earlier one.

Everything that the weights depend on stays that of the earlier run: the columns and what is made of
them, window and horizon, classes, layers and scaling. The new data only widens the range seen in
training. So that the run can be resumed without the earlier one, its folder keeps a copy of the
network that it started from.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqrt.contract import Column
from seqrt.contract.quantiles import interval_levels
from seqrt.errors import InputError, ModelError, UsageError
from seqrt.training.loop.recipe import Recipe
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.network import Architecture, Network
from seqrt.training.problems.features import options_of
from seqrt.training.problems.problem import Problem
from seqrt.training.runs.folder import read_record
from seqrt.training.runs.weights import Trained, load_run, weights_path

# The weights are already good, and a rate that is high for them would undo that.
LOWER_RATE = 0.1

_INITIAL = ("init", "memory")

# What a target belongs to, by the head of a network.
_PER = {"last": "per sequence", "sequence": "per step"}


def with_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` with those of the run that `start_from` names, if it names one.

    The peak learning rate, unless given, is a tenth of the run's; of a run that itself continued
    another, it is the same. Raises UsageError if there is no such run, or if an option contradicts
    it.
    """
    path = options.get("start_from")
    if path is None:
        return dict(options)
    if Path(path).suffix == ".onnx":
        raise UsageError(
            f"--from must be a run folder or its weights file, but {path} is an exported model."
            " Name the run that it was exported from."
        )
    net = load_run(path)
    settings = _settings(net)
    asked = {name: value for name, value in options.items() if (name, value) != ("method", "auto")}
    _check_agrees(path, {"method": "plain", **settings}, asked)
    settings |= _order(net.metadata)
    own = {name: value for name, value in settings.items() if value not in (None, ())}
    return {"lr": _lower_rate(path), **own, **asked}


def check_plan(path: str, net: Trained, plan: Any) -> None:
    """Raise UsageError if an option of `plan` contradicts the network that it starts from."""
    _check_agrees(path, _settings(net), {name: getattr(plan, name) for name in _settings(net)})


def continued(problem: Problem, net: Trained, source: str, path: str) -> Problem:
    """Return `problem` with the metadata of `net`, of ranges widened by the new data.

    Raises InputError (E_INPUT_SHAPE, E_INPUT_LABEL) if the data does not fit the network.
    """
    new, old = problem.metadata, net.metadata
    _check_shape(problem, net, source, path)
    if net.activation == "softmax":
        _check_labels(problem, old.classes, source, path)
    digests = (*old.earlier_data, *([old.data_sha256] if old.data_sha256 else []))
    metadata = replace(
        old,
        features=_widened(old.features, new.features),
        outputs=_widened(old.outputs, new.outputs) if net.activation == "none" else old.outputs,
        name=new.name,
        data_sha256=new.data_sha256,
        seed=new.seed,
        earlier_data=digests,
    )
    return replace(problem, metadata=metadata)


def _settings(net: Trained) -> dict[str, Any]:
    """Return the options that a network fixes, by the names they have in a plan."""
    about: Metadata = net.metadata
    return {
        "task": about.task,
        "target": about.wide or about.targets,
        **options_of(about),
        "window": about.window,
        "horizon": about.horizon,
        "missing": net.missing,
        **(_sizes(net) if isinstance(net, Forecaster) else _layers(net)),
    }


def _layers(net: Network) -> dict[str, Any]:
    config = asdict(net.architecture)
    return {field.name: config[field.name] for field in fields(Architecture)}


def _sizes(net: Forecaster) -> dict[str, Any]:
    """Return the options of a forecaster, and the defaults of those that it does not have."""
    config = net.architecture
    return {
        **{field.name: field.default for field in fields(Architecture)},
        "method": "forecaster",
        "season": config.season,
        "context": config.lags,
        "levels": interval_levels(net.metadata.quantiles),
        "cell": config.cell,
        "units": (config.units,),
        "dropout": config.dropout,
    }


def _order(metadata: Metadata) -> dict[str, Any]:
    """Return the options that order the rows of a table as in the run; new data may differ."""
    time = metadata.time
    series = metadata.series[:-1] if metadata.wide else metadata.series
    if time is None:
        return {"series": series}
    dates = time.written if time.written in ("dmy", "mdy") else None
    return {"series": series, "time": time.name, "dates": dates}


def _check_agrees(path: str, settings: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Raise UsageError if a given option differs from the setting of the run."""
    wrong = [
        f"{_flag(name)} {_shown(value)} (the run: {_shown(settings[name])})"
        for name, value in options.items()
        if name in settings and value not in (None, (), settings[name])
    ]
    wrong += [f"{_flag(name)} {options[name]}" for name in _INITIAL if options.get(name)]
    if wrong:
        raise UsageError(
            f"--from keeps the settings of {path}, but {', '.join(wrong)} would change them."
            " Drop them, or train a new network without --from."
        )
    if options.get("folds"):
        raise UsageError(
            "--from continues one network, but --folds trains several from new weights."
            " Drop --from or --folds."
        )


def _flag(name: str) -> str:
    return f"--{'recipe' if name == 'method' else name.replace('_', '-')}"


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_shown, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)


def _lower_rate(path: str) -> float:
    """Return the peak learning rate for continuing a run."""
    plan: dict[str, Any] = {}
    with suppress(UsageError, ModelError):
        plan = read_record(weights_path(path).parent).get("plan", {})
    rate = plan.get("lr", Recipe.lr)
    return float(rate if "start_from" in plan else rate * LOWER_RATE)


def _check_shape(problem: Problem, net: Trained, source: str, path: str) -> None:
    """Raise InputError if the data has other features, targets or sequences than the network."""
    new, old = problem.metadata, net.metadata
    kinds = {True: "windows of a table", False: "sequences with targets"}
    if isinstance(net, Forecaster):
        kinds[False] = "series"
    for what, got, wanted in (
        ("data", kinds[new.window is not None], kinds[old.window is not None]),
        ("features", _names(new.features), _names(old.features)),
        ("a target", _PER[problem.head], _PER[net.head]),
        ("targets", *(len(m.outputs) if net.activation != "softmax" else 0 for m in (new, old))),
    ):
        if got != wanted:
            raise InputError(
                f"E_INPUT_SHAPE: {source} must have the form of the data that {path} was trained"
                f" on, {what}: {wanted}, got {got}. Give such data, or train a new network without"
                " --from."
            )


def _names(columns: tuple[Column, ...]) -> str:
    return ", ".join(column.name for column in columns)


def _check_labels(problem: Problem, classes: tuple[int | str, ...], source: str, path: str) -> None:
    """Raise InputError at a label that is not one of the classes."""
    parts = [part for part in (problem.train, problem.validation) if part]
    labels = np.unique(np.concatenate([part.truth for part in parts])).tolist()
    unknown = [label for label in labels if label not in classes]
    known = {str(label) for label in classes}
    for label in sorted(unknown, key=lambda label: str(label) in known):
        raise InputError(
            f"E_INPUT_LABEL: {source} must hold only the classes of {path}"
            f" ({', '.join(map(str, classes))}), got {label!r}. Remove these rows, or train a new"
            " network without --from."
        )


def _widened(old: tuple[Column, ...], new: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns `old` with the range of both."""
    return tuple(
        replace(mine, low=_one(min, mine.low, other.low), high=_one(max, mine.high, other.high))
        for mine, other in zip(old, new, strict=True)
    )


def _one(pick: Any, *bounds: float | None) -> float | None:
    known = [bound for bound in bounds if bound is not None]
    return pick(known) if known else None
