"""The check of a device: before its first use it must reproduce the CPU's outputs on the proof."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import DeviceError
from seqrt.runtime.compute.predict import advance
from seqrt.runtime.inputs.nonfinite import separate
from seqrt.runtime.opening.installed import PROVIDERS, installed
from seqrt.runtime.proving.parity import largest, scaled_units
from seqrt.runtime.proving.proof import Case, allowed_errors, decode
from seqrt.runtime.proving.validate import Check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.contract import Manifest
    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.types import Floats

# TF32 keeps 10 bits of each factor, where float32 keeps 23. As in the rule of parity, 8 times that
# is allowed; rounded weights alone were measured to cost up to 1.3 times.
_TF32 = 8 * 2.0**-10


def check_device(
    on_device: Engine, on_cpu: Engine, manifest: Manifest, proof: str, *, tf32: bool = False
) -> None:
    """Raise DeviceError unless a model's engine on a device agrees with the one on the CPU.

    Both run the cases of the proof, and a causal model also runs one step by step. They may differ
    by as much as the rule of parity allows either to differ from float64, and with TF32 by another
    8 * 2**-10 of the outputs' size.
    """
    compared = compare(on_device, on_cpu, manifest, proof, tf32=tf32)
    failed = [check for check in compared if not check.ok]
    if failed:
        worst = max(failed, key=_severity)
        raise DeviceError(
            f"E_DEVICE_SELFTEST: the model gives other results on {on_device.device} than on"
            f" the cpu: {worst.name} differ by {worst.difference:.1e}, more than the allowed"
            f" {worst.allowed:.1e} ({PROVIDERS[on_device.device]}, {installed()})."
            " Use device='cpu'."
        )


def compare(
    on_device: Engine, on_cpu: Engine, manifest: Manifest, proof: str, *, tf32: bool = False
) -> Iterator[Check]:
    """Yield the differences between two engines of a model: scaled outputs, and end states."""
    cases = decode(proof, manifest)
    allowed_y, allowed_ends = allowed_errors(manifest, cases)
    scaled = partial(scaled_units, outputs=manifest.outputs)
    any_ids = manifest.text is not None
    for number, case in enumerate(cases, 1):
        (y, ends), (cpu_y, cpu_ends) = (
            advance(engine, case.x, case.lengths, case.state, any_ids=any_ids)
            for engine in (on_device, on_cpu)
        )
        got, want = scaled(case.valid(y)), scaled(case.valid(cpu_y))
        yield _check(f"the outputs of case {number}", got, want, allowed_y, tf32)
        yield _check(f"the end states of case {number}", ends, cpu_ends, allowed_ends, tf32)
    if manifest.streamable:
        x = max(cases, key=_steps).x[0]
        got, want = (scaled(_step_by_step(engine, x)) for engine in (on_device, on_cpu))
        yield _check("the outputs of a stream", got, want, allowed_y, tf32)


def _check(name: str, got: NDArray[Any], want: NDArray[Any], allowed: float, tf32: bool) -> Check:
    room = _TF32 * largest(want) if tf32 else 0.0
    return Check(name, largest(got.astype(np.float64) - want), allowed + room)


def _step_by_step(engine: Engine, x: NDArray[Any]) -> Floats:
    """Return the outputs of each step of x (T, D) or (T,), as a stream computes them."""
    x, _ = separate("x", x, "error", missing=engine.takes_missing)
    state = engine.zero_state(1)
    bound = engine.bound_step(state)
    outputs = []
    for step in x:
        if bound:
            outputs.append(bound.advance(step))
        else:
            y, state = advance(engine, np.asarray(step)[None, None], None, state, any_ids=True)
            outputs.append(y.reshape(-1))
    return np.stack(outputs)


def _steps(case: Case) -> int:
    return len(case.x[0])


def _severity(check: Check) -> float:
    """Return how many times too large the difference is; NaN is the worst."""
    return np.inf if np.isnan(check.difference) else check.difference / (check.allowed or 1.0)
