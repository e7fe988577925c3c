"""Writes a network as one proved and sealed file, or raises and leaves no file."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import onnx
import torch
from numpy.typing import ArrayLike
from torch import nn

from seqrt.contract import MANIFEST_KEY, PROOF_KEY, Manifest, seal
from seqrt.contract.manifest import Head, WeightForm
from seqrt.errors import ParityError, UsageError
from seqrt.export.forecasting.network import ForecasterNetwork
from seqrt.export.memory import measure_memory
from seqrt.export.network import SeqrtNetwork
from seqrt.export.prove import prove
from seqrt.export.small_weights.shrink import shrink_file
from seqrt.export.subject import Subject
from seqrt.files import check_writable, writing
from seqrt.runtime import Model
from seqrt.runtime.opening.file import read_model
from seqrt.runtime.proving.proof import encode
from seqrt.runtime.proving.validate import ValidationReport
from seqrt.training.loop.threads import torch_threads
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.metadata import Metadata
from seqrt.training.networks.stack import Stack


@dataclass(frozen=True)
class Exported:
    """A file that was written and proved: path, SHA-256, bytes, manifest, validation report.

    `kept` has the matrices that stay float32 in a file with small weights, each with the reason.
    """

    path: Path
    digest: str
    size: int
    manifest: Manifest
    report: ValidationReport
    kept: Mapping[str, str] = field(default_factory=dict)


def export(
    net: nn.Module,
    path: str | os.PathLike[str],
    *,
    head: Head | None = None,
    about: Metadata | None = None,
    series: ArrayLike | None = None,
    example: ArrayLike | None = None,
    weights: WeightForm = "float32",
) -> Exported:
    """Write `net` to `path` as one ONNX file that carries its own proof.

    `net` is a seqrt Network or Forecaster, trained or not, or a module of your own with recurrent
    layers: its forward is traced, and the file computes what it does for each row alone. README.md
    beside this file lists the operators. `example` is an input of your module, (B, T, D), (B, T) or
    ids (B, T); give it if the input cannot be told from the layers. `head` is that of an
    nn.Sequential, whose own forward cannot run: "last" by default. `about` names the features,
    outputs and classes; the default is the network's own metadata. `series` (N, D) is typical input
    in raw units, on which the memory in the manifest is measured; none of it enters the file.
    Without a series, inputs are drawn from the range seen in training. `weights` "fp16" or "int8"
    rounds the matrices, as `shrink` does.

    The file is written under a temporary name and opened by the real runtime, which replays the
    proof and checks the laws; only then is it renamed. The same network gives the same bytes.

    Raises ParityError, and leaves no file, if the graph does not compute what the network does,
    UsageError with your own line for what cannot be exported, InputError for a series with other
    features, and OutputError if the file cannot be written.
    """
    # One thread sums in one order, so PyTorch's own errors, and with them the bytes of the file, do
    # not depend on the number of cores.
    _check_choice(weights)
    with torch_threads(1):
        subject = _subject(net, head, about, example)
        return write_subject(subject, Path(path), series, weights)


def shrink(
    model: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    weights: WeightForm,
    series: ArrayLike | None = None,
) -> Exported:
    """Write the model file `model` again to `path`, with smaller weights and a proof of its own.

    "fp16" stores the matrices as float16, in half the bytes; "int8" as whole numbers with a float32
    scale for each row, in a quarter. Biases, scaling and matrices of fewer than 128 numbers stay
    float32, and so do those in `kept`. The runtime computes in float32, as fast as before. The
    manifest's `rounding` says how far the outputs moved, on `series` (N, D) or on drawn inputs.

    Raises UsageError for weights that are small already and for networks that would not get
    smaller, and what `export` and `seqrt.load` raise.
    """
    _check_choice(weights)
    if weights == "float32":
        raise UsageError("weights must be 'fp16' or 'int8', got 'float32'.")
    check_writable(Path(path))
    with torch_threads(1):
        small = shrink_file(read_model(model).content, weights, series)
    return _write(small.content, Path(path), small.stored.kept)


def _check_choice(weights: str) -> None:
    if weights not in get_args(WeightForm):
        raise UsageError(f"weights must be 'float32', 'fp16' or 'int8', got {weights!r}.")


def _subject(
    net: nn.Module, head: Head | None, about: Metadata | None, example: ArrayLike | None
) -> Subject:
    if not isinstance(net, Stack):
        from seqrt.export.foreign import read_module

        return read_module(net, head=head, about=about, example=example)
    if head not in (None, net.head):
        raise UsageError(f"head must be {net.head!r}, as the network has, got {head!r}.")
    stack = copy.deepcopy(net).cpu().float().eval()
    if about is not None:
        stack.metadata = about
    return subject_of(stack)


def subject_of(stack: Stack) -> SeqrtNetwork:
    """Return a stack on the CPU in float32 as the subject of an export."""
    return ForecasterNetwork(stack) if isinstance(stack, Forecaster) else SeqrtNetwork(stack)


def write_subject(
    subject: Subject, path: Path, series: ArrayLike | None, weights: WeightForm = "float32"
) -> Exported:
    """Prove `subject` and write it to `path`; raise what `export` raises. Torch has one thread."""
    check_writable(path)
    content = _proved(subject, series)
    if weights == "float32":
        return _write(content, path, {})
    small = shrink_file(content, weights, series)
    return _write(small.content, path, small.stored.kept)


def _proved(subject: Subject, series: ArrayLike | None) -> bytes:
    """Return the sealed file of `subject`, after the checks of export."""
    _check_weights(subject)
    model = Model(_draft(subject)).joined
    subject.check(model)
    golden, parity = prove(model, subject)
    memory = measure_memory(model, subject, series)
    manifest = replace(subject.manifest(), parity=parity, memory=memory)
    return _sealed(subject, manifest, encode(golden))


def _write(content: bytes, path: Path, kept: Mapping[str, str]) -> Exported:
    """Write a sealed file to `path` once the runtime has opened and validated it."""
    onnx.checker.check_model(content, full_check=True)
    with writing(path) as file:
        file.write(content)
        file.flush()
        model = Model(file.name)
        report = model.validate()
        report.raise_if_failed()
    return Exported(path, model.digest, len(content), model.manifest, report, kept)


def draft(stack: Stack) -> bytes:
    """Return the sealed file with its graph and manifest, but without a proof."""
    return _draft(subject_of(stack))


def _draft(subject: Subject) -> bytes:
    return _sealed(subject, subject.manifest(), proof="")


def _sealed(subject: Subject, manifest: Manifest, proof: str) -> bytes:
    model = subject.graph()
    onnx.helper.set_model_props(model, {MANIFEST_KEY: manifest.to_json(), PROOF_KEY: proof})
    return seal(model.SerializeToString(deterministic=True))


def _check_weights(subject: Subject) -> None:
    for name, values in subject.weights().items():
        if not bool(torch.isfinite(values).all()):
            raise ParityError(
                f"E_WEIGHTS_NONFINITE: every weight must be finite, but {name} contains NaN or Inf."
                " The kernels would turn them into plausible numbers. Train again with a smaller"
                " learning rate."
            )
