"""The self-test of a device: before its first use it answers the proof as the CPU does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import DeviceError
from seqrt.runtime.opening.installed import PROVIDERS, installed
from seqrt.runtime.proving.parity import largest, own_units
from seqrt.runtime.proving.proof import Case, allowed, decode
from seqrt.runtime.proving.validate import Check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.model import Model

# TF32 keeps 10 bits of each factor, where float32 keeps 23. As in the rule of parity, 8 times that
# is allowed; rounded weights alone were measured to cost up to 1.3 times.
_TF32 = 8 * 2.0**-10


def check(on_device: Model, on_cpu: Model, *, tf32: bool = False) -> None:
    """Raise DeviceError unless a model opened on a device answers as the same one on the CPU does.

    Both answer the cases of the proof, and those in steps as a stream where there can be one. They
    may differ by what the rule of parity allows either to differ from float64, and with TF32 by
    8 * 2**-10 of the answers' size more.
    """
    failed = [each for each in compare(on_device, on_cpu, tf32=tf32) if not each.ok]
    if failed:
        worst = max(failed, key=_severity)
        raise DeviceError(
            f"E_DEVICE_SELFTEST: on {on_device.device} a model must answer what it does on the cpu;"
            f" {worst.name} differ by {worst.difference:.1e}, and may by {worst.allowed:.1e}"
            f" ({PROVIDERS[on_device.device]}, {installed()}). Use device='cpu'."
        )


def compare(on_device: Model, on_cpu: Model, *, tf32: bool = False) -> Iterator[Check]:
    """Yield how far two ways to run a model are apart: answers in own units, and end states."""
    cases = decode(on_cpu.proof, on_cpu.manifest)
    most = allowed(on_cpu, cases)
    for number, case in enumerate(cases, 1):
        (y, ends), (want_y, want_ends) = (
            model.run(case.x, case.lengths, case.state) for model in (on_device, on_cpu)
        )
        y, want_y = (_own(on_cpu, case.valid(answers)) for answers in (y, want_y))
        yield _check(f"the answers to case {number}", y, want_y, most[0], tf32)
        yield _check(f"the end states of case {number}", ends, want_ends, most[1], tf32)
    if on_cpu.manifest.streamable:
        x = max(cases, key=_steps).x[0]
        y, want_y = (_own(on_cpu, _streamed(model, x)) for model in (on_device, on_cpu))
        yield _check("the answers of a stream", y, want_y, most[0], tf32)


def _check(name: str, got: NDArray[Any], want: NDArray[Any], most: float, tf32: bool) -> Check:
    room = _TF32 * largest(want) if tf32 else 0.0
    return Check(name, largest(got.astype(np.float64) - want), most + room)


def _streamed(model: Model, x: NDArray[Any]) -> NDArray[Any]:
    stream = model.stream()
    return np.stack([stream.push(step) for step in x])


def _own(model: Model, y: NDArray[Any]) -> NDArray[Any]:
    return own_units(y, model.manifest.outputs)


def _steps(case: Case) -> int:
    return len(case.x[0])


def _severity(check: Check) -> float:
    """How many times too large the difference is; NaN is beyond all."""
    return np.inf if np.isnan(check.difference) else check.difference / (check.allowed or 1.0)
