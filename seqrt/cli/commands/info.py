"""`seqrt info`: what the manifest of a model says, in words or in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqrt.cli.describing.texts import lines_of_tokens
from seqrt.cli.model_options import (
    ModelArgument,
    Sha256Option,
    UnsealedOption,
    model_or_newest,
    open_model,
)
from seqrt.cli.run_report import MISSING_VALUES
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.contract import Column, Gradient, Input, Layer, Manifest, Rounding
    from seqrt.runtime import Model

# Lags whose gradient is a smaller share of the largest one are not shown.
_SMALLEST_SHARE = 1e-3

_WHEN = {"last": "after the last step", "sequence": "at every step"}
# Columns that differ only by name and are listed one by one.
_MOST_ALIKE = 8
# Levels of a category that are listed.
_MOST_LEVELS = 8


def info(
    model: ModelArgument = None,
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON")] = False,
    triton: Annotated[
        bool, typer.Option("--triton", help="Print a config.pbtxt for NVIDIA Triton")
    ] = False,
) -> None:
    """Describe a model: task, layers, columns, memory, parity.

    \b
    Examples:
      seqrt info
      seqrt info pump.onnx --json | jq .features
      seqrt info pump.onnx --triton > repository/pump/config.pbtxt
    """
    if triton and as_json:
        raise UsageError("--triton and --json each choose what is printed. Drop one of them.")
    path = model_or_newest(model)
    opened = open_model(path, "cpu", sha256=sha256, unsealed=unsealed)
    if triton:
        from seqrt.serving.triton import triton_config

        typer.echo(triton_config(opened.manifest), nl=False)
        return
    if as_json:
        record = {"path": str(path), "sha256": opened.digest, "sealed": opened.sealed}
        record["bytes"] = path.stat().st_size
        typer.echo(json.dumps(record | json.loads(opened.manifest.to_json()), indent=2))
        return
    for label, text in _lines(opened, path):
        typer.echo(f"{label:10}{text}")


def _lines(model: Model, path: Path) -> Iterator[tuple[str, str]]:
    m = model.manifest
    yield "model", f"{m.name} ({path}, {path.stat().st_size:,} bytes, format {m.format})"
    yield "task", f"{m.task}{_window(m)}; {_output(m)}"
    for i, layer in enumerate(m.layers):
        yield ("" if i else "layers"), _layer(layer)
    for i, layer in enumerate(m.decoders):
        steps = f"over {layer.steps} step{'s' if layer.steps > 1 else ''}"
        yield ("" if i else "decoders"), f"{_layer(layer)}, {steps}"
    yield from _inputs(m)
    if m.tokens:
        yield from lines_of_tokens(m)
    else:
        yield from _features(m)
    if m.least > 1:
        yield "needs", f"sequences of at least {m.least} steps"
    if m.takes_missing:
        yield "missing", MISSING_VALUES[m.missing]
    if m.task == "generate":
        yield "writes", "text, byte by byte: seqrt generate"
    elif m.classes:
        yield "classes", ", ".join(map(str, m.classes))
    else:
        count = len(m.quantiles)
        yield from _columns("outputs", m.outputs[count // 2 :: count] if count else m.outputs)
    for i, head in enumerate(m.heads):
        width = f"{head.outputs} number{'s' if head.outputs > 1 else ''}"
        yield ("" if i else "named"), f"{head.name}: {width} {_WHEN[head.head]}"
    yield "streams", _streams(m)
    yield from _memory(m)
    if m.parity:
        yield "parity", parity_text(m)
    if m.rounding:
        yield "weights", f"{m.weights}: {rounding_text(m.rounding)}"
    yield "origin", f"{m.producer}, seed {m.seed}, data SHA-256 {(m.data_sha256 or 'unknown')[:16]}"
    yield "SHA-256", model.digest


def parity_text(m: Manifest) -> str:
    """Return how exactly a file computes, in words."""
    if not m.parity:
        return "not measured"
    other = "PyTorch" if m.weights == "float32" else "numpy in float32"
    return (
        f"within {m.parity.runtime:.1e} of float64 for up to {m.parity.steps} steps"
        f" ({other}: {m.parity.torch:.1e})"
    )


def rounding_text(rounding: Rounding) -> str:
    """Return how far the rounding of weights moved the outputs, in words."""
    steps = zip(rounding.moved, rounding.steps, strict=True)
    at = ", ".join(f"{moved:.1e} at step {step:,}" for moved, step in steps)
    on = "the data" if rounding.inputs == "data" else "random inputs"
    share = 100 * rounding.largest / (rounding.scale or 1.0)
    return (
        f"rounding moved outputs by at most {rounding.largest:.1e}, {share:.2g} % of"
        f" their size, on {on}: {at}"
    )


def _inputs(m: Manifest) -> Iterator[tuple[str, str]]:
    """Yield how the columns of a table become the features, where they are not plain numbers."""
    if m.wide:
        names = ", ".join(m.wide[:_MOST_LEVELS])
        more = ", ..." if len(m.wide) > _MOST_LEVELS else ""
        yield "targets", f"{names}{more}: each is a series, with its values as {m.targets[0]}"
    if m.series:
        yield "series", f"told apart by {', '.join(m.series)}"
    if m.time:
        step = f", in steps of {m.time.step}" if m.time.step else ""
        yield "time", f"{m.time.name}{step}"
    uses: dict[str, list[str]] = {}
    for each in m.inputs:
        uses.setdefault(each.column, []).append(_use(each))
    for i, (column, texts) in enumerate(uses.items()):
        ahead = max(each.ahead for each in m.inputs if each.column == column)
        rows = "row" if ahead == 1 else "rows"
        known = [f"known {ahead} {rows} ahead"] if ahead else []
        yield ("" if i else "columns"), f"{column}: {'; '.join([*dict.fromkeys(texts), *known])}"


def _use(each: Input) -> str:
    """Return what a column becomes, in words."""
    if each.kind == "category":
        shown = ", ".join(each.levels[:_MOST_LEVELS])
        more = ", ..." if len(each.levels) > _MOST_LEVELS else ""
        return f"one feature for each of {shown}{more} and one for any other"
    if each.kind == "calendar":
        return f"sine and cosine of the {each.cycle}"
    if each.kind == "boolean":
        return "1 for true, 0 for false"
    return f"a number, less {each.offset:,}" if each.offset else "a number"


def _layer(layer: Layer) -> str:
    direction = ", bidirectional" if layer.bidirectional else ""
    direction = ", from the end" if layer.reverse else direction
    relu = " relu" if layer.nonlinearity == "relu" else ""
    relu = " ".join(["", *dict.fromkeys(layer.activations)]) if layer.activations else relu
    dilation = f", dilation {layer.dilation}" if layer.dilation > 1 else ""
    groups = f", {layer.groups} groups of {layer.units // layer.groups}" if layer.groups > 1 else ""
    return f"{layer.cell}{relu} {layer.units}{groups}{direction}{dilation}"


def _streams(m: Manifest) -> str:
    if m.streamable:
        return f"yes, with a state of {m.state_size} numbers"
    return f"no: {m.not_streamable}" if m.not_streamable else "no, because it is bidirectional"


def _memory(m: Manifest) -> Iterator[tuple[str, str]]:
    """Yield how many steps the network remembers, where the manifest says so."""
    if not m.streamable and not m.not_streamable:
        yield "memory", "not measured: a bidirectional network reads each sequence from both ends"
    if not m.memory:
        return
    inputs = {"data": "data", "drawn": "random inputs in the range of the training data"}
    on = f"on {inputs[m.memory.inputs]}"
    steps = f"{m.memory.steps:,} step{'s' if m.memory.steps > 1 else ''}"
    median = f"median {m.memory.median:,}"
    if m.memory.more:
        yield "memory", f"remembers its initial state for more than {steps} ({median}) {on}"
        yield "", "start a stream at the start of its sequence, not mid-sequence"
    else:
        within = f"to {100 * m.memory.tolerance:g} % of the output scale"
        yield "memory", f"forgets its initial state within {steps} ({median}) {on}, {within}"
        yield "", "push at least that many before relying on a stream that starts mid-sequence"
    if m.memory.gradient:
        yield "gradient", _gradient(m.memory.gradient)


def _gradient(gradient: Gradient) -> str:
    """Return how far back inputs matter: the gradient at each lag as a share of the largest."""
    largest = max(gradient.norms) or 1.0
    shares = [
        (lag, norm / largest) for lag, norm in zip(gradient.lags, gradient.norms, strict=True)
    ]
    shown = ", ".join(f"{share:.2g} at {lag}" for lag, share in shares if share >= _SMALLEST_SHARE)
    if gradient.steps is None:
        return f"still over 1 % of the largest {gradient.lags[-1]:,} steps back: {shown}"
    return f"under 1 % of the largest from {gradient.steps:,} steps back: {shown}"


def _window(m: Manifest) -> str:
    ahead = f" {m.horizon} step{'s' if m.horizon > 1 else ''} ahead" if m.horizon else ""
    if m.quantiles:
        from seqrt.contract.quantiles import interval_levels

        levels = ", ".join(f"{level:g}" for level in interval_levels(m.quantiles))
        ahead += f" with intervals of {levels} %"
    if m.window is not None:
        return f"{ahead} from windows of {m.window} steps"
    return f"{ahead}{_lags(m)}"


def _lags(m: Manifest) -> str:
    """Return how many values a forecaster reads at a time, and its season."""
    lags = {piece.size + 1 for piece in m.carries if piece.what == "taps"}
    if m.task != "forecast" or m.head != "sequence" or len(lags) != 1:
        return ""
    season = m.layers[0].dilation
    return f" from the last {lags.pop()} values{f', season {season}' if season > 1 else ''}"


def _output(m: Manifest) -> str:
    kinds = {"softmax": "a probability per class", "sigmoid": "a probability per label"}
    floor = "" if m.floor is None else f", at least {m.floor:g}"
    return f"{kinds.get(m.activation, 'raw units')}, {_WHEN[m.head]}{floor}"


def _features(m: Manifest) -> Iterator[tuple[str, str]]:
    """Yield the features; those of the same column in later rows, such as promo+1, in one line."""
    later = {
        name: name.removesuffix(f"+{each.ahead}")
        for each in m.inputs
        for name in each.names
        if each.ahead
    }
    yield from _columns("features", tuple(each for each in m.features if each.name not in later))
    stems: dict[str, list[Column]] = {}
    for column in m.features:
        if column.name in later:
            stems.setdefault(later[column.name], []).append(column)
    for columns in stems.values():
        yield "", _later(columns)


def _later(columns: list[Column]) -> str:
    """Return the scaling of a column in the rows ahead, from the least to the most."""
    if len(columns) == 1:
        return f"{columns[0].name}{_scaling(columns[0])}"
    mean, scale = (
        " to ".join(dict.fromkeys(f"{most(values):.4g}" for most in (min, max)))
        for values in zip(*((each.mean, each.scale) for each in columns), strict=True)
    )
    lows = [each.low for each in columns if each.low is not None]
    highs = [each.high for each in columns if each.high is not None]
    seen = f", in training {min(lows):g} to {max(highs):g}" if lows and highs else ""
    return f"{columns[0].name} to {columns[-1].name}: mean {mean}, scale {scale}{seen}"


def _columns(label: str, columns: tuple[Column, ...]) -> Iterator[tuple[str, str]]:
    """Yield a line for each column, and one for many in a row that differ only by name."""
    groups = [(text, list(group)) for text, group in groupby(columns, key=_scaling)]
    lines = []
    for text, group in groups:
        if len(group) > _MOST_ALIKE:
            lines.append(f"{group[0].name} to {group[-1].name}{text}")
        else:
            lines += [f"{column.name}{text}" for column in group]
    yield from (("" if i else label, line) for i, line in enumerate(lines))


def _scaling(column: Column) -> str:
    unit = f" [{column.unit}]" if column.unit else ""
    seen = "" if column.low is None else f", in training {column.low:g} to {column.high:g}"
    return f"{unit}: mean {column.mean:.4g}, scale {column.scale:.4g}{seen}"
