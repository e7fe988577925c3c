"""`seqrt validate`: the proof and the laws of a model, checked on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from seqrt.cli.model_options import (
    DeviceOption,
    ModelArgument,
    Sha256Option,
    UnsealedOption,
    model_or_newest,
    open_model,
)
from seqrt.cli.options import JsonOption

if TYPE_CHECKING:
    from seqrt.runtime.proving.validate import Check


def validate(
    model: ModelArgument = None,
    device: DeviceOption = "cpu",
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Replay the proof inside a model and check its laws here.

    Each line shows the difference between two computations that must agree, and its tolerance. If a
    difference exceeds its tolerance, the exit code is 6.

    \b
    Examples:
      seqrt validate
      seqrt validate pump.onnx --json | jq .ok
    """
    path = model_or_newest(model)
    opened = open_model(path, device, sha256=sha256, unsealed=unsealed)
    report = opened.validate()
    if as_json:
        record = {
            "path": str(path),
            "sha256": opened.digest,
            "ok": report.ok,
            "bit_for_bit": report.exact,
            "error": report.error,
            "checks": [_record(check) for check in report.checks],
        }
        typer.echo(json.dumps(record, indent=2))
    else:
        typer.echo(report)
        if report.ok:
            how = "bit for bit" if report.exact else "up to rounding"
            typer.echo(f"On this machine {path} computes what was trained; its laws hold {how}.")
    report.raise_if_failed()


def _record(check: Check) -> dict[str, object]:
    return {**asdict(check), "ok": check.ok}
