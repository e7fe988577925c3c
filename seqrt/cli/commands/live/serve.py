"""`seqrt serve`: a model over HTTP, with live sequences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from seqrt.cli.model_options import (
    ModelArgument,
    Sha256Option,
    ThreadsOption,
    UnsealedOption,
    model_or_newest,
    open_model,
)
from seqrt.cli.signals import finish_step_on_signal
from seqrt.cli.talk import say
from seqrt.errors import InputError

_MIB = 1 << 20


def serve(
    model: ModelArgument = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, max=65535, help="Port; 0: any free one")
    ] = 8000,
    name: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Name of the model in URLs  [that of the file]"),
    ] = None,
    threads: ThreadsOption = None,
    body: Annotated[
        int,
        typer.Option(
            metavar="MIB", min=1, help="Largest request, and largest outputs of a response, in MiB"
        ),
    ] = 16,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="Longest time for a request to arrive, and again to wait for its turn",
        ),
    ] = 30.0,
    streams: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="Most sequences that are live at a time")
    ] = 10_000,
    idle: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Drop a sequence without requests for this long"),
    ] = 600.0,
    restore: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Continue the sequences written by --save"),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the live sequences here at the end")
    ] = None,
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
) -> None:
    """Serve a model over HTTP, by the Open Inference Protocol v2.

    POST /v2/models/NAME/infer takes x, optional lengths, and with sequence_id the next steps of a
    live sequence. Tensors are JSON or raw bytes, so clients such as tritonclient work as they are.
    /v2/models/NAME describes the inputs and outputs, /metrics is for Prometheus.

    Anyone who reaches the port may use it: there are no passwords and no TLS. Ctrl-C or SIGTERM
    ends the server after the requests that have begun.

    \b
    Examples:
      seqrt serve pump.onnx
      seqrt serve pump.onnx --idle 3600 --restore pump.state --save pump.state
    """
    import seqrt
    from seqrt.files import check_not_input, check_writable, write_bytes
    from seqrt.serving.limits import ServingLimits
    from seqrt.serving.server import ModelServer

    path = model_or_newest(model)
    if save is not None:
        check_writable(save)
        check_not_input(save, path, 0)
    opened = open_model(
        path, "cpu", sha256=sha256, unsealed=unsealed, threads=threads, joined=False
    )
    limits = ServingLimits(body * _MIB, timeout, streams, idle)
    name = name or path.stem
    with _naming(restore):
        saved = None if restore is None else _read(restore)
        server = ModelServer(opened, name, seqrt.__version__, (host, port), limits, saved)
    say(f"{path} is served at {server.url}/v2/models/{name}")
    with finish_step_on_signal(server.stop):
        try:
            server.run()
        finally:
            if save is not None:
                write_bytes(save, server.save())


def _read(path: Path) -> bytes:
    from seqrt.data.readers.source import opened

    with opened(path) as file:
        return file.read()


@contextmanager
def _naming(path: Path | None) -> Iterator[None]:
    """Add the name of the file with the saved sequences to an InputError about them."""
    try:
        yield
    except InputError as error:
        if not error.code.startswith("E_STATE"):
            raise
        code, _, what = str(error).partition(": ")
        raise InputError(f"{code}: {path}: {what}") from None
