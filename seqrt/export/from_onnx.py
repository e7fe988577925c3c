"""Turns an ONNX file of another exporter into a proved model file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from seqrt.errors import SeqrtError
from seqrt.export.foreign.build import build
from seqrt.export.foreign.module import ForeignModule
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.onnx_in import OnnxGraph, OnnxNet, Original, read_graph
from seqrt.export.onnx_in.refusal import bad_onnx, cannot_import
from seqrt.export.untrusted import as_ascii, bytes_of
from seqrt.export.write import Exported, write_subject
from seqrt.training.loop.threads import torch_threads


@dataclass(frozen=True)
class ImportedOnnx:
    """An ONNX file that was imported: what was written, and how it was compared.

    `errors` has the largest difference from the original in onnxruntime, relative to the outputs,
    by number of steps. `notes` are what a user of the file must know.
    """

    exported: Exported
    producer: str
    operators: tuple[str, ...]
    errors: dict[int, float]
    notes: tuple[str, ...]


def import_onnx(path: str | os.PathLike[str], out: str | os.PathLike[str]) -> ImportedOnnx:
    """Write the ONNX file at `path`, of torch, tf2onnx or keras2onnx, to `out` as a model file.

    Row i of the result is what the original computes for row i alone, as a batch of one, from zero
    states. It is proved against the graph in float64, and against the original in onnxruntime.

    Raises InputError (E_ONNX_FILE, E_INPUT_FILE) for a file that is damaged or unsafe, UsageError
    that names the node that cannot be carried over, and what `export` raises.
    """
    return write_onnx(read_onnx(path), out)


def read_onnx(path: str | os.PathLike[str]) -> OnnxGraph:
    """Return the graph of an ONNX file; raise InputError or UsageError. Nothing is run."""
    return read_graph(bytes_of(path, bad_onnx, "an ONNX file"))


def write_onnx(graph: OnnxGraph, out: str | os.PathLike[str]) -> ImportedOnnx:
    """Write a graph that was read to `out`; raise what `import_onnx` raises."""
    with torch_threads(1):
        net = OnnxNet(graph)
        module = _module_of(net)
        original = Original(graph, net, module)
        module.checks.append(original.check)
        exported = write_subject(module, Path(out), None)
    return ImportedOnnx(
        exported,
        net.producer,
        tuple(node.operator for node in graph.nodes),
        original.errors,
        tuple(_notes(net, original)),
    )


def _module_of(net: OnnxNet) -> ForeignModule:
    """Return the module of a graph, ready to be exported; errors name nodes."""
    try:
        built = build(net, net.example())
        return ForeignModule(replace(built, why=net.worded(built.why)), None)
    except Refused as error:
        place = net.place_of(error.module) or (error.where if _is_node(error.where) else "")
        why = net.worded(error.why)
        raise cannot_import(place or "this graph", why, error.instead) from error
    except SeqrtError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, AssertionError) as error:
        text = " ".join(str(error).split())
        raise cannot_import("this graph", f"{type(error).__name__}: {text:.200}") from error


def _is_node(where: str) -> bool:
    return where.startswith("node ")


def _notes(net: OnnxNet, original: Original) -> list[str]:
    roles = net.roles
    notes = []
    if roles.states:
        names = ", ".join(as_ascii(value.name) for value in roles.states)
        notes.append(f"the first states {names} are zeros; a stream carries them on")
    if roles.dropped:
        names = ", ".join(as_ascii(value.name) for value in roles.dropped)
        notes.append(f"the final states {names} are no outputs of the file")
    if roles.lengths:
        notes.append("lengths say how many steps each row has, as in every file")
    if original.rows:
        notes.append(f"the original takes batches of {original.rows} alone; this file takes any")
    if original.steps:
        notes.append(
            f"the original takes {original.steps} steps alone and was compared on them; for other"
            " lengths the file computes the same layers"
        )
    if original.fails:
        steps = ", ".join(map(str, original.fails))
        notes.append(f"the original fails on rows of {steps} steps, so they were not compared")
    return notes
