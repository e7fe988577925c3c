"""From a user's module to a graph: trace, read, write; as a stream where the net allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from seqrt.contract.manifest import Activation
from seqrt.export.foreign.answers import Answer, leaves, read_answers, write_answers
from seqrt.export.foreign.emitter import Emitter
from seqrt.export.foreign.finish import drop_unread, model_of
from seqrt.export.foreign.reading import Reader, name_of
from seqrt.export.foreign.rolled import RolledReader
from seqrt.export.foreign.tracing.arguments import Extra, example_of, extras_of
from seqrt.export.foreign.tracing.refusal import NotStreamable, Refused, RunsOverBatch
from seqrt.export.foreign.tracing.trace import Traced, own_copy, trace, unwrap


@dataclass(frozen=True)
class Built:
    """The graph of a user's module, and what is known about it.

    `net` is a copy on the CPU, `example` an input that it takes. `why` says why it cannot stream.
    """

    net: nn.Module
    example: Tensor
    extras: list[Extra]
    time_major: bool
    emitter: Emitter
    answers: list[Answer]
    activations: dict[str, Activation]
    model: onnx.ModelProto
    features: int
    tokens: int
    why: str


def build(net: nn.Module, example: Any = None) -> Built:
    """Return the graph of a module; raise Refused or UsageError if there is none."""
    with torch.no_grad():
        own = own_copy(unwrap(net)).float()
    if not any(isinstance(m, (nn.RNNBase, nn.RNNCellBase)) for m in own.modules()):
        raise Refused(
            f"{type(net).__name__} has no recurrent layer: net must contain nn.RNN, nn.LSTM or"
            " nn.GRU, or a cell of theirs"
        )
    extras = extras_of(own)
    # Trying an input runs forward, which may change the module.
    x = example_of(own_copy(own), extras, example)
    first: Refused | None = None
    for time_major in (False, True):
        try:
            # Tracing runs forward as well.
            traced = trace(own_copy(own), x, extras, time_major=time_major)
            return _built(own, x, extras, traced)
        except RunsOverBatch as error:
            first = first or error
        except Refused as error:
            raise (first or error) from None
    assert first
    raise first


def _built(net: nn.Module, x: Tensor, extras: list[Extra], traced: Traced) -> Built:
    tokens = 0 if x.is_floating_point() else _tokens(net, traced)
    features = int(x.shape[2]) if x.ndim == 3 else 1
    why = ""
    try:
        g, values = _read(traced, features, tokens, streaming=True)
        if not g.pieces:
            raise NotStreamable("no layer runs over the steps of x")
    except NotStreamable as error:
        why = str(error)
        g, values = _read(traced, features, tokens, streaming=False)
    named = leaves(values)
    answers = read_answers(g, [value for _, value in named], [name for name, _ in named])
    activations = write_answers(g, answers)
    drop_unread(g, [answer.name for answer in answers])
    model = model_of(g, answers, features, tokens)
    time_major = traced.time_major
    return Built(net, x, extras, time_major, g, answers, activations, model, features, tokens, why)


def _read(traced: Traced, features: int, tokens: int, *, streaming: bool) -> tuple[Emitter, Any]:
    g = Emitter(streaming=streaming)
    g.tokens = tokens
    reader = (Reader if traced.steps is None else RolledReader)(traced, g, features)
    return g, reader.outputs()


def _tokens(net: nn.Module, traced: Traced) -> int:
    """Return how many ids there are: the rows of the smallest table, or the one-hot classes."""
    rows = [m.num_embeddings for m in net.modules() if isinstance(m, nn.Embedding)]
    nodes = [n for n in traced.program.graph.nodes if name_of(n) == "one_hot"]
    return min([*rows, *(int(node.args[1]) for node in nodes)], default=1)
