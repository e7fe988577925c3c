"""What forward takes: which x, and which further arguments."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqrt.errors import UsageError
from seqrt.export.foreign.tracing.refusal import line_of_error

_LENGTHS = frozenset(
    [
        "lengths",
        "length",
        "lens",
        "len_x",
        "seq_len",
        "seq_lens",
        "seq_length",
        "seq_lengths",
        "sequence_lengths",
        "x_len",
        "x_lens",
        "x_lengths",
        "text_lengths",
        "input_lengths",
        "input_len",
        "input_lens",
        "n_steps",
        "sizes",
    ]
)
_STATE_NAMES = """
    state states hidden hiddens hidden_state hidden_states h h0 h_0 hx hc h_c hn h_n prev_state
    prev_hidden prev_h init_state initial_state init_hidden memory hidden_cell hidden_in rnn_state
    lstm_state last_hidden h_prev h_t
"""
_CELL_STATE_NAMES = "c c0 c_0 cx cell cell_state c_n cn prev_c init_cell c_prev c_t"
_STATES = frozenset(_STATE_NAMES.split())
_CELL_STATES = frozenset(_CELL_STATE_NAMES.split())
_RANGE = 128
# Primes, because a size that another one happens to have may be taken for it.
_ROWS, _STEPS = 5, 7


@dataclass(frozen=True)
class Extra:
    """A further argument of forward: the lengths, or a state of zeros of these sizes.

    `sizes` are those of h and c, where None is the number of rows; a pair of states is passed as
    a tuple.
    """

    kind: Literal["lengths", "state"]
    sizes: tuple[tuple[int | None, ...], ...] = ()

    def make(self, rows: Any, steps: Any) -> Any:
        """Return the argument for rows of full length."""
        if self.kind == "lengths":
            return torch.full((rows,), steps, dtype=torch.int64)
        states = [
            torch.zeros([rows if size is None else size for size in sizes]) for sizes in self.sizes
        ]
        return states[0] if len(states) == 1 else tuple(states)


def extras_of(net: nn.Module) -> list[Extra]:
    """Return the arguments of forward besides x; raise UsageError for one that is unknown."""
    parameters = list(inspect.signature(net.forward).parameters.values())[1:]
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [each for each in parameters if each.kind in kinds]
    names = [each.name for each in taken]
    extras: list[Extra] = []
    for parameter in taken:
        name = parameter.name.lower()
        if name in _LENGTHS:
            extras.append(Extra("lengths"))
        elif parameter.default is not parameter.empty:
            break
        elif name in _STATES or name in _CELL_STATES:
            extras.append(_state(net, name, names))
        else:
            raise UsageError(
                f"forward must take x, and besides it only lengths and a state, but"
                f" {type(net).__name__}.forward takes {parameter.name!r}. Give it a default, or"
                " call it lengths (steps of each row) or state (zeros at first)."
            )
    return extras


def _state(net: nn.Module, name: str, names: list[str]) -> Extra:
    layers = [m for m in net.modules() if isinstance(m, (nn.RNNBase, nn.RNNCellBase))]
    if not layers:
        raise UsageError(f"forward takes {name!r}, but net has no recurrent layer.")
    first = layers[0]
    if isinstance(first, nn.RNNBase):
        depth = first.num_layers * (2 if first.bidirectional else 1)
        h: tuple[int | None, ...] = (depth, None, first.proj_size or first.hidden_size)
        c: tuple[int | None, ...] = (depth, None, first.hidden_size)
        both = first.mode == "LSTM"
    else:
        h = c = (None, first.hidden_size)
        both = isinstance(first, nn.LSTMCell)
    if both and any(each.lower() in _CELL_STATES for each in names):
        return Extra("state", (c if name in _CELL_STATES else h,))
    return Extra("state", (h, c) if both else (h,))


def example_of(net: nn.Module, extras: list[Extra], example: Any = None) -> Tensor:
    """Return an x (5, 7, D), (5, 7) or int64 (5, 7) that forward takes.

    It is like `example` (B, T, D), if there is one. Otherwise the sizes of the layers are tried,
    and then all widths up to 128: the only one that forward takes must be the right one.
    """
    if example is not None:
        return _like(example)
    error: Exception | None = None
    for x in _likely(net):
        raised = _run(net, x, extras)
        if raised is None:
            return x
        error = error or raised
    if any(each in str(error) for each in ("one_hot", "index tensor", "Class values")):
        # F.one_hot takes ids alone; all numbers of classes have these.
        ids = torch.randint(0, 2, (_ROWS, _STEPS))
        if _run(net, ids, extras) is None:
            return ids
    fitting = [
        x
        for width in range(1, _RANGE + 1)
        for x in [torch.randn(_ROWS, _STEPS, width)]
        if _run(net, x, extras) is None
    ]
    if len(fitting) == 1:
        return fitting[0]
    where = line_of_error(error) if error else ""
    text = " ".join(str(error).split())
    raise UsageError(
        f"net must accept one tensor (batch, time, features), but its forward raised"
        f" {type(error).__name__}: {text:.200}{f' at {where}' if where else ''}."
        " If x has another number of features, pass example=x."
    )


def _like(example: Any) -> Tensor:
    """Return five rows of seven steps of the kind and width of an example."""
    tensor = torch.as_tensor(example)
    if tensor.ndim not in (2, 3) or not len(tensor):
        raise UsageError(
            "example must have shape (batch, time, features) or (batch, time), got"
            f" {tuple(tensor.shape)}."
        )
    if not tensor.is_floating_point():
        most = int(tensor.max()) + 1
        return torch.randint(0, max(most, 1), (_ROWS, _STEPS, *tensor.shape[2:]))
    return torch.randn(_ROWS, _STEPS, *tensor.shape[2:])


def _likely(net: nn.Module) -> Iterator[Tensor]:
    """Yield inputs that fit the layers, those defined first before others."""
    widths: list[int] = []
    for module in net.modules():
        if isinstance(module, nn.Embedding) and not widths:
            yield torch.randint(0, module.num_embeddings, (_ROWS, _STEPS))
        for name in ("input_size", "in_features", "in_channels", "num_features"):
            width = getattr(module, name, None)
            if isinstance(width, int) and width not in widths:
                widths.append(width)
                break
    for width in widths:
        yield torch.randn(_ROWS, _STEPS, width)
        if width == 1:
            yield torch.randn(_ROWS, _STEPS)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Run a forward without what it prints, and without its effect on torch's random numbers."""
    with redirect_stdout(io.StringIO()), torch.random.fork_rng(devices=[]):
        yield


def _run(net: nn.Module, x: Tensor, extras: list[Extra]) -> Exception | None:
    """Return what forward raises for x, if anything."""
    try:
        with torch.no_grad(), undisturbed():
            net(x, *(extra.make(len(x), x.shape[1]) for extra in extras))
    except Exception as error:  # noqa: BLE001 - a user's forward may raise anything
        return error
    return None
