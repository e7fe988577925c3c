"""Writes a network as one proved and sealed file, or raises and leaves no file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import torch
from numpy.typing import ArrayLike
from torch import nn

from seqrt import __version__
from seqrt.contract import MANIFEST_KEY, PROOF_KEY, Column, Manifest, seal
from seqrt.contract.manifest import Head
from seqrt.errors import ParityError
from seqrt.export.from_module import as_stack
from seqrt.export.graph import build_onnx
from seqrt.export.memory import measure_memory
from seqrt.export.prove import prove
from seqrt.files import check_writable, writing
from seqrt.runtime import Model
from seqrt.runtime.proving.proof import encode
from seqrt.runtime.proving.validate import ValidationReport
from seqrt.training.loop.threads import torch_threads
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.stack import Stack


@dataclass(frozen=True)
class Exported:
    """A file that was written and proved: path, SHA-256, bytes, manifest, validation report."""

    path: Path
    digest: str
    size: int
    manifest: Manifest
    report: ValidationReport


def export(
    net: nn.Module,
    path: str | os.PathLike[str],
    *,
    head: Head | None = None,
    about: Metadata | None = None,
    series: ArrayLike | None = None,
) -> Exported:
    """Write `net` to `path` as one ONNX file that carries its own proof.

    `net` is a seqrt Network, trained or not, or your own module made of nn.RNN, nn.LSTM, nn.GRU,
    nn.Linear, nn.LayerNorm and nn.Dropout in sequence; see `as_stack`. `about` names its features,
    outputs and classes; the default is the network's own metadata. `series` (N, D) is typical input
    in raw units, on which the memory in the manifest is measured; none of it enters the file.
    Without a series, inputs are drawn from the range seen in training.

    The file is written under a temporary name and opened by the real runtime, which replays the
    proof and checks the laws; only then is it renamed. The same network gives the same bytes.

    Raises ParityError, and leaves no file, if the graph does not compute what the network does,
    UsageError for layers that cannot be exported, InputError for a series with other features, and
    OutputError if the file cannot be written.
    """
    # One thread sums in one order, so PyTorch's own errors, and with them the bytes of the file, do
    # not depend on the number of cores.
    with torch_threads(1):
        stack = as_stack(net, head)
        if about is not None:
            stack.metadata = about
        return _write(stack, Path(path), series)


def _write(stack: Stack, path: Path, series: ArrayLike | None) -> Exported:
    check_writable(path)
    _check_weights(stack)
    model = Model(draft(stack))
    golden, parity = prove(model, stack)
    manifest = replace(_manifest(stack), parity=parity, memory=measure_memory(model, stack, series))
    content = _sealed(stack, manifest, encode(golden))
    onnx.checker.check_model(content, full_check=True)
    with writing(path) as file:
        file.write(content)
        file.flush()
        model = Model(file.name)
        report = model.validate()
        report.raise_if_failed()
    return Exported(path, model.digest, len(content), manifest, report)


def draft(stack: Stack) -> bytes:
    """Return the sealed file with its graph and manifest, but without a proof."""
    return _sealed(stack, _manifest(stack), proof="")


def _manifest(stack: Stack) -> Manifest:
    metadata = stack.metadata
    return Manifest(
        name=metadata.name,
        producer=f"seqrt {__version__}",
        task=metadata.task,
        head=stack.head,
        activation=stack.activation,
        layers=tuple(step.layer for step in stack.recurrent()),
        features=_columns(metadata.features, stack.x_mean, stack.x_scale),
        outputs=_columns(metadata.outputs, stack.y_mean, stack.y_scale),
        classes=metadata.classes,
        targets=metadata.targets,
        window=metadata.window,
        horizon=metadata.horizon,
        data_sha256=metadata.data_sha256,
        missing=stack.missing,
        seed=metadata.seed,
        inputs=metadata.inputs,
        series=metadata.series,
        time=metadata.time,
        earlier_data=metadata.earlier_data,
    )


def _columns(
    columns: tuple[Column, ...], mean: torch.Tensor, scale: torch.Tensor
) -> tuple[Column, ...]:
    """Return the columns with the mean and scale that the graph uses."""
    scaling = zip(columns, mean.tolist(), scale.tolist(), strict=True)
    return tuple(replace(column, mean=m, scale=s) for column, m, s in scaling)


def _sealed(stack: Stack, manifest: Manifest, proof: str) -> bytes:
    model = build_onnx(stack)
    onnx.helper.set_model_props(model, {MANIFEST_KEY: manifest.to_json(), PROOF_KEY: proof})
    return seal(model.SerializeToString(deterministic=True))


def _check_weights(stack: Stack) -> None:
    for name, values in stack.state_dict().items():
        if not bool(torch.isfinite(values).all()):
            raise ParityError(
                f"E_WEIGHTS_NONFINITE: every weight must be finite, but {name} contains NaN or Inf."
                " The kernels would turn them into plausible numbers. Train again with a smaller"
                " learning rate."
            )
