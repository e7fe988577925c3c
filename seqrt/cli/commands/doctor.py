"""`seqrt doctor`: what is installed here, which devices work, and what to fix."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from seqrt.cli.options import JsonOption
from seqrt.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from seqrt.cli.environment import Device, Installed, Machine


def doctor(
    as_json: JsonOption = False,
) -> None:
    """Show what is installed, which devices work, and what to fix.

    Each device is tested with a small computation. The exit code is 5 if models cannot run.

    \b
    Examples:
      seqrt doctor
      seqrt doctor --json | jq '.devices[] | select(.works)'
    """
    from rich.console import Console

    from seqrt.cli.environment import examine

    machine = examine()
    runs, trains = machine.works("onnxruntime"), machine.works("torch")
    if as_json:
        typer.echo(json.dumps({**asdict(machine), "runs": runs, "trains": trains}, indent=2))
    else:
        page = Console(soft_wrap=True)
        for line in _lines(machine):
            page.print(line)
    if not runs:
        raise DeviceError(
            "E_RUNTIME: onnxruntime does not work on the CPU of this machine."
            " Install it with: pip install --force-reinstall 'seqrt[cpu]'"
        )


def _lines(machine: Machine) -> Iterator[Text]:
    from rich.text import Text

    yield Text(
        f"seqrt {machine.seqrt} on Python {machine.python}, {machine.system},"
        f" {machine.cores} cores available"
    )
    yield Text("\nPackages", "bold")
    yield from (_package(package) for package in machine.packages)
    yield Text("\nDevices", "bold")
    yield from (_device(device) for device in machine.devices)
    yield Text()
    for warning in machine.warnings:
        yield Text.assemble(("warning: ", "bold yellow"), warning)
    yield _verdict("run models", machine.works("onnxruntime"))
    yield _verdict("train networks", machine.works("torch"))


def _package(package: Installed) -> Text:
    from rich.text import Text

    style = "yellow" if package.fix else "green"
    fix = f"    {package.fix}" if package.fix else ""
    return Text.assemble(
        f"  {package.name:16}",
        (f"{package.version or 'missing':16}", style),
        package.purpose if not fix else f"{package.purpose:26}",
        (fix, "cyan"),
    )


def _device(device: Device) -> Text:
    from rich.text import Text

    status = ("works", "green") if device.works else (f"no: {device.reason}", "yellow")
    return Text.assemble(f"  {device.device:6}{device.engine:14}", status)


def _verdict(ability: str, works: bool) -> Text:
    from rich.text import Text

    can = ("can", "green") if works else ("cannot", "red")
    return Text.assemble("This machine ", can, f" {ability}.")
