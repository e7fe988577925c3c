"""What a user's own forward computes for each row alone: the truth that a file is judged by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode

from seqrt.export.foreign.answers import joined_answers, leaves
from seqrt.export.foreign.build import Built
from seqrt.export.foreign.tracing.arguments import undisturbed
from seqrt.export.foreign.tracing.refusal import Refused, line_of_error
from seqrt.export.foreign.tracing.trace import own_copy
from seqrt.runtime.types import Doubles, Lengths

_FLOATING = (torch.Tensor.float, torch.Tensor.double, torch.Tensor.half, torch.Tensor.bfloat16)


class Truth:
    """Runs forward in float32 or float64.

    A row is run twice side by side, because some forwards squeeze a batch of one away.
    """

    def __init__(self, built: Built) -> None:
        """Make a copy of the module in each precision."""
        self.built = built
        kinds = (torch.float32, torch.float64)
        with torch.no_grad():
            self._nets = {kind: own_copy(built.net).to(kind) for kind in kinds}

    def rows(self, dtype: torch.dtype, x: NDArray[Any], lengths: Lengths) -> Doubles:
        """Return y (B, O) or (B, T, O) of each row of x alone; 0 past its length."""
        found = [
            self.row(dtype, row[:steps]) for row, steps in zip(x, lengths.tolist(), strict=True)
        ]
        per_step = any(answer.head == "sequence" for answer in self.built.answers)
        if not per_step:
            return np.stack(found)
        y = np.zeros((len(x), x.shape[1], found[0].shape[-1]))
        for place, row in enumerate(found):
            y[place, : len(row)] = row
        return y

    def row(self, dtype: torch.dtype, row: NDArray[Any]) -> Doubles:
        """Return y (O,) or (T, O) of one row (T, D) or (T,); raise Refused if forward fails."""
        built, steps = self.built, len(row)
        both = torch.from_numpy(np.stack([row, row]))
        try:
            with torch.no_grad():
                tensors = self._run(dtype, both if built.tokens else both.to(dtype))
        except Exception as error:
            raise Refused(
                f"forward fails for a row of {steps} steps: {type(error).__name__}:"
                f" {' '.join(str(error).split()):.120}",
                "A file takes rows of any length.",
                line_of_error(error),
            ) from error
        each = [answer.of(tensors, 2, steps) for answer in built.answers]
        y: Doubles = joined_answers(built.answers, each, steps)[0]
        return y

    def last(self, x: Tensor) -> Tensor:
        """Return the outputs of the last step (B, O) in float32, with their gradient."""
        tensors, (rows, steps) = self._run(torch.float32, x), x.shape[:2]
        each = [answer.tensor(tensors, rows, steps) for answer in self.built.answers]
        return torch.cat([y[:, -1] if y.ndim == len("BTO") else y for y in each], -1)

    def _run(self, dtype: torch.dtype, x: Tensor) -> list[Tensor]:
        """Return the tensors that forward returns for x (B, T, D) or ids (B, T), in full rows."""
        rows, steps = x.shape[:2]
        if not self.built.tokens and self.built.example.ndim == 2:
            x = x[..., 0]
        if self.built.time_major:
            x = x.transpose(0, 1)
        with _only(dtype), undisturbed():
            extras = (extra.make(rows, steps) for extra in self.built.extras)
            return [tensor for _, tensor in leaves(self._nets[dtype](x, *extras))]


@contextmanager
def _only(dtype: torch.dtype) -> Iterator[None]:
    """Compute in this type alone, whatever forward makes its tensors of or casts them to."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with _Casts(dtype):
            yield
    finally:
        torch.set_default_dtype(before)


class _Casts(TorchFunctionMode):
    """Casts to this type where forward casts to another floating one."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _FLOATING:
            return args[0].to(self.dtype)
        named = {name: self._own(each) for name, each in (kwargs or {}).items()}
        return func(*(self._own(each) for each in args), **named)

    def _own(self, argument: Any) -> Any:
        floating = isinstance(argument, torch.dtype) and argument.is_floating_point
        return self.dtype if floating else argument
