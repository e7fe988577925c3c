"""Traces the forward of a user's module to a graph of torch's operators."""

from __future__ import annotations

import copy
import re
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seqrt.errors import UsageError
from seqrt.export.foreign.tracing.arguments import Extra, undisturbed
from seqrt.export.foreign.tracing.opaque import opaque_layers
from seqrt.export.foreign.tracing.refusal import Refused, line_of_error

# The fewest and most rows and steps that torch is told of. It makes no promise for one; the proof
# runs rows of one step.
_MOST_ROWS, _MOST_STEPS, _MANY = 4096, 1 << 20, 256
_PRIMES = (11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)


@dataclass(frozen=True)
class Traced:
    """A traced forward.

    `steps` is the number of steps that it was traced for, if that is fixed: then a loop over the
    steps is written out in it.
    """

    program: Any
    steps: int | None
    time_major: bool


class _Entry(nn.Module):
    """x -> net(x, lengths, state), with all rows of full length and states of zeros."""

    def __init__(self, net: nn.Module, extras: list[Extra], *, time_major: bool) -> None:
        super().__init__()
        self.net, self.extras, self.time_major = net, extras, time_major

    def forward(self, x: Tensor) -> Any:
        rows, steps = (x.shape[1], x.shape[0]) if self.time_major else (x.shape[0], x.shape[1])
        return self.net(x, *(extra.make(rows, steps) for extra in self.extras))


def unwrap(net: nn.Module) -> nn.Module:
    """Return the module inside torch.compile and DataParallel; refuse what holds no Python."""
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    while hasattr(net, "_orig_mod") or isinstance(net, wrappers):
        inner: Any = net._orig_mod if hasattr(net, "_orig_mod") else net.module
        net = inner
    opaque = isinstance(net, torch.jit.ScriptModule) or type(net).__name__ in (
        "GraphModule",
        "TopLevelTracedModule",
    )
    if opaque:
        raise UsageError(
            f"net is a {type(net).__name__}, which has no forward in Python to read."
            " Give the nn.Module that it was made from."
        )
    quantized = [m for m in net.modules() if ".quantized" in type(m).__module__]
    if quantized:
        raise UsageError(
            f"net has the quantised layer {type(quantized[0]).__name__}. Give the module before"
            " quantisation: a file holds float32 weights."
        )
    return net


def own_copy(net: nn.Module) -> nn.Module:
    """Return a copy of a module on the CPU in evaluation mode."""
    with torch.no_grad():
        try:
            copied = copy.deepcopy(net)
        except RuntimeError:
            _detach(net)
            copied = copy.deepcopy(net)
        return copied.cpu().eval()


def _detach(net: nn.Module) -> None:
    """Detach weights that are computed from others, which torch refuses to copy."""
    for module in net.modules():
        for hook in module._forward_pre_hooks.values():
            if type(hook).__name__ == "WeightNorm":
                name = str(getattr(hook, "name", "weight"))
                setattr(module, name, getattr(module, name).detach())
        if isinstance(module, nn.RNNBase):
            flat = [_detached(each) for each in module._flat_weights]
            module._flat_weights = flat


def _detached(tensor: Any) -> Any:
    return tensor.detach() if isinstance(tensor, Tensor) and not tensor.is_leaf else tensor


def trace(net: nn.Module, x: Tensor, extras: list[Extra], *, time_major: bool = False) -> Traced:
    """Return the traced forward; a loop over time is written out, for a prime number of steps.

    `x` (B, T, ...) is an example, of which only type and sizes count. Raises Refused with the
    user's line if forward cannot be traced.
    """
    try:
        return Traced(_export(net, x, extras, time_major, least=2), None, time_major)
    except torch._dynamo.exc.UserError as error:
        text = str(error)
        if (
            "specialized it to be a constant" in text
            and "batch" not in text.split("Specializ", maxsplit=1)[0]
        ):
            taken = {size for parameter in net.parameters() for size in parameter.shape}
            taken |= set(x.shape[2:])
            steps = next(prime for prime in _PRIMES if prime not in taken)
            fixed = x[:, :1].repeat(1, steps, *(1,) * (x.ndim - 2))
            try:
                program = _export(net, fixed, extras, time_major, least=0)
            except Exception as again:
                raise explanation_of(again, fixed) from again
            return Traced(program, steps, time_major)
        if "Not all values of time" not in text:
            raise explanation_of(error, x) from error
        # Such as time - 2 != 1, which torch asks about slices: true of all long rows.
        long = x.repeat(1, _MANY // x.shape[1] + 1, *(1,) * (x.ndim - 2))
        try:
            return Traced(_export(net, long, extras, time_major, least=_MANY), None, time_major)
        except Exception as again:
            raise explanation_of(again, x) from again
    except Refused as error:
        error.where = error.where or line_of_error(error)
        raise
    except Exception as error:
        raise explanation_of(error, x) from error


def _export(net: nn.Module, x: Tensor, extras: list[Extra], time_major: bool, least: int) -> Any:
    """Return the exported program; the number of steps is fixed if `least` is 0."""
    rows = torch.export.Dim("batch", min=2, max=_MOST_ROWS)
    sizes: dict[int, Any] = {0: rows}
    if least:
        sizes[1] = torch.export.Dim("time", min=least, max=_MOST_STEPS)
    if time_major:
        x = x.transpose(0, 1)
        sizes = {1 - axis: size for axis, size in sizes.items()}
    entry = _Entry(net, extras, time_major=time_major)
    layers = opaque_layers(stepwise=not least)
    with layers, torch.no_grad(), undisturbed(), warnings.catch_warnings():
        # torch warns of its own code.
        warnings.simplefilter("ignore")
        program = torch.export.export(entry, (x,), dynamic_shapes=(sizes,), strict=False)
        # No operator is taken apart, but what forward writes in place becomes values.
        return program.run_decompositions({})


_ONE_PATH = "and a file has one path for all values"


def explanation_of(error: Exception, x: Tensor) -> Refused:
    """Return what torch says of a forward that it cannot trace, as what to change."""
    if isinstance(error, Refused):
        error.where = error.where or line_of_error(error)
        return error
    text, kind = " ".join(str(error).split()), type(error).__name__
    why, instead = _explanation(text, kind, x)
    return Refused(why, instead, line_of_error(error))


def _explanation(text: str, kind: str, x: Tensor) -> tuple[str, str]:
    low = text.lower()
    if "DataDependent" in kind or "data-dependent" in low:
        return f"forward decides by values (if, while, .item()), {_ONE_PATH}", "Use torch.where."
    if "(batch)" in text or "(batch," in text:
        return (
            "forward fixes the number of rows, or loops over them",
            "Take the number of rows from x.size(0), not len(x); to flatten a state, write"
            " h.permute(1, 0, 2) first.",
        )
    longest = re.search(r"time = Dim\('time'[^)]*max=(\d+)\)", text)
    if longest and int(longest[1]) < _MOST_STEPS:
        return (
            f"forward takes rows of at most {longest[1]} steps, as a table of positions does, and a"
            " file takes rows of any length",
            "Make the position a feature of x, or leave it out.",
        )
    sizes = (
        "same reduction dim",
        "must match the size",
        "mat1 and mat2",
        "(time)",
        "expanded size",
    )
    if any(each in text for each in sizes) or kind == "AssertionError":
        return (
            f"forward works for a fixed number of steps alone ({text[:100]})",
            "Reduce time first: the last step, a mean or a maximum.",
        )
    if ".numpy()" in text or "numpy" in low:
        return "forward leaves torch for numpy", "Compute it with torch, or before the net."
    if "cuda" in low:
        return "forward puts tensors on a CUDA device by name", "Use device=x.device."
    if "tuple" in low:
        return (
            f"a layer that takes a tensor got the tuple of a recurrent layer ({text[:80]})",
            "Take its first entry: out, h = rnn(x).",
        )
    return f"forward cannot be traced: {kind}: {text[:160]}", ""
