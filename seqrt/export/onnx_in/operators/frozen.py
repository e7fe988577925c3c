"""Sizes that an exporter froze: the rows and steps that a model was traced with."""

from __future__ import annotations

import math
from typing import Any

from seqrt.export.onnx_in.operators.table import OnnxCall
from seqrt.export.onnx_in.refusal import CannotCarry


def without_frozen_sizes(call: OnnxCall, target: list[Any], now: list[Any]) -> list[Any]:
    """Return the constant sizes of a Reshape for as many rows and steps as x has now.

    `call.shape` is the shape that the Reshape read when the file was made. Axes of it and of the
    result are matched from the left: each group of axes holds as many numbers before and after.
    """
    had = list(call.shape)
    wanted = _resolved(had, target)
    result: list[Any] = []
    i = j = 0
    while i < len(had) or j < len(wanted):
        first, second = i, j
        i, j = min(i + 1, len(had)), min(j + 1, len(wanted))
        while math.prod(had[first:i]) != math.prod(wanted[second:j]):
            if math.prod(had[first:i]) < math.prod(wanted[second:j]) and i < len(had):
                i += 1
            elif j < len(wanted):
                j += 1
            else:
                raise CannotCarry(f"{had} is read as {wanted}, which mixes its axes")
        group = had[first:i], now[first:i]
        varies = any(call.varies[first:i] if call.varies else _differ(*group))
        result += _group(call, wanted[second:j], now[first:i]) if varies else wanted[second:j]
    return result


def _resolved(had: list[int], target: list[Any]) -> list[int]:
    fixed = [had[i] if size == 0 else size for i, size in enumerate(target)]
    if -1 in fixed:
        rest = -math.prod(fixed)
        fixed[fixed.index(-1)] = math.prod(had) // rest if rest > 0 else 0
    return fixed


def _differ(had: list[int], now: list[Any]) -> list[bool]:
    return [not isinstance(n, int) or n != h for h, n in zip(had, now, strict=True)]


def _group(call: OnnxCall, wanted: list[int], now: list[Any]) -> list[Any]:
    if len(wanted) == 1:
        return [math.prod(now)]
    unused = {
        traced: size
        for traced, size in zip(call.traced, call.sizes, strict=True)
        if traced is not None
    }
    return [unused.pop(size, size) for size in wanted]
