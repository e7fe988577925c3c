"""`seqrt info`: what a file says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqrt.cli.options import ModelArgument, Sha256Option, UnsealedOption, chosen, open_model
from seqrt.cli.run_report import READ_AS

if TYPE_CHECKING:
    from seqrt.contract import Column, Gradient, Manifest
    from seqrt.runtime import Model

# A smaller share of the largest gradient is not worth a reader's time.
_SHOWN = 1e-3


def info(
    model: ModelArgument = None,
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="The manifest in JSON")] = False,
) -> None:
    """Say what a model is: task, layers, columns, memory, parity.

    \b
    Examples:
      seqrt info
      seqrt info pump.onnx --json | jq .features
    """
    path = chosen(model)
    opened = open_model(path, "cpu", sha256=sha256, unsealed=unsealed)
    if as_json:
        record = {"path": str(path), "sha256": opened.digest, "sealed": opened.sealed}
        record["bytes"] = path.stat().st_size
        typer.echo(json.dumps(record | json.loads(opened.manifest.to_json()), indent=2))
        return
    for name, value in _lines(opened, path):
        typer.echo(f"{name:10}{value}")


def _lines(model: Model, path: Path) -> Iterator[tuple[str, str]]:
    m = model.manifest
    yield "model", f"{m.name} ({path}, {path.stat().st_size:,} bytes, format {m.format})"
    yield "task", f"{m.task}{_reach(m)}, {_answer(m)}"
    for i, layer in enumerate(m.layers):
        ways = ", both directions" if layer.bidirectional else ""
        relu = " relu" if layer.nonlinearity == "relu" else ""
        yield ("" if i else "layers"), f"{layer.cell}{relu} {layer.units}{ways}"
    yield from _columns("features", m.features)
    if m.takes_missing:
        yield "missing", READ_AS[m.missing]
    if m.classes:
        yield "classes", ", ".join(map(str, m.classes))
    else:
        yield from _columns("outputs", m.outputs)
    yield (
        "streams",
        f"yes, {m.state_size} numbers of state" if m.streamable else "no: it reads back",
    )
    yield from _remembered(m)
    if m.parity:
        yield (
            "parity",
            f"{m.parity.runtime:.1e} from float64 over up to {m.parity.steps} steps"
            f" (PyTorch itself: {m.parity.torch:.1e})",
        )
    yield "origin", f"{m.producer}, seed {m.seed}, data SHA-256 {(m.data_sha256 or 'unknown')[:16]}"
    yield "SHA-256", model.digest


def _remembered(m: Manifest) -> Iterator[tuple[str, str]]:
    """Yield how long the network remembers, where the file says so."""
    if not m.streamable:
        yield "memory", "no figure: it reads each sequence from both ends"
    if not m.memory:
        return
    on = {"data": "on data", "drawn": "on inputs drawn from what training saw"}[m.memory.inputs]
    within = f"{100 * m.memory.tolerance:g} % of their scale"
    steps = f"{m.memory.steps:,} step{'s' if m.memory.steps > 1 else ''}"
    middle = f"median {m.memory.median:,}"
    if m.memory.more:
        yield "memory", f"keeps its start for more than {steps} ({middle}) {on}"
        yield "", "begin a stream where its sequence begins, not in the middle"
    else:
        yield "memory", f"forgets its start after {steps} ({middle}) {on}: to {within}"
        yield "", "push at least that many before you trust a stream begun in the middle"
    if m.memory.gradient:
        yield "gradient", _fading(m.memory.gradient)


def _fading(gradient: Gradient) -> str:
    """Say how far back the input still counts: the share of the largest norm at each lag."""
    largest = max(gradient.norms) or 1.0
    shares = [
        (lag, norm / largest) for lag, norm in zip(gradient.lags, gradient.norms, strict=True)
    ]
    shown = ", ".join(f"{share:.2g} at {lag}" for lag, share in shares if share >= _SHOWN)
    if gradient.steps is None:
        return f"over 1 % of its largest {gradient.lags[-1]:,} steps back: {shown}"
    return f"under 1 % of its largest from {gradient.steps:,} steps back: {shown}"


def _reach(m: Manifest) -> str:
    if m.window is None:
        return ""
    ahead = f", {m.horizon} ahead" if m.horizon else ""
    return f" from {m.window} steps{ahead}"


def _answer(m: Manifest) -> str:
    when = "after the last step" if m.head == "last" else "at every step"
    kind = {"softmax": "a probability a class", "sigmoid": "a probability a label"}
    return f"{kind.get(m.activation, 'raw units')} {when}"


def _columns(title: str, columns: tuple[Column, ...]) -> Iterator[tuple[str, str]]:
    for i, column in enumerate(columns):
        unit = f" [{column.unit}]" if column.unit else ""
        seen = "" if column.low is None else f", seen {column.low:g} to {column.high:g}"
        scaled = f"mean {column.mean:.4g}, scale {column.scale:.4g}"
        yield ("" if i else title), f"{column.name}{unit}: {scaled}{seen}"
