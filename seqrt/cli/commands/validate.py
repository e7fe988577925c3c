"""`seqrt validate`: the proof and the laws of a file, on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from seqrt.cli.options import (
    DeviceOption,
    JsonOption,
    ModelArgument,
    Sha256Option,
    UnsealedOption,
    chosen,
    open_model,
)

if TYPE_CHECKING:
    from seqrt.runtime.proving.validate import Check


def validate(
    model: ModelArgument = None,
    device: DeviceOption = "cpu",
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Replay the proof inside a model and check its laws, here.

    Every line says how far two computations are apart that must agree, and how far they may be.
    The exit code is 6 where one fails.

    \b
    Examples:
      seqrt validate
      seqrt validate pump.onnx --json | jq .ok
    """
    path = chosen(model)
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
            how = "bit for bit" if report.exact else "to rounding"
            typer.echo(f"{path} computes here what was trained; its laws hold {how}.")
    report.raise_if_failed()


def _record(check: Check) -> dict[str, object]:
    return {**asdict(check), "ok": check.ok}
