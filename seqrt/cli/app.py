"""The list of commands, and the options of `seqrt` itself."""

from __future__ import annotations

from typing import Annotated

import typer

from seqrt.cli.commands.bench import bench
from seqrt.cli.commands.compare import compare
from seqrt.cli.commands.demo import demo
from seqrt.cli.commands.describe import describe
from seqrt.cli.commands.doctor import doctor
from seqrt.cli.commands.evaluate import evaluate
from seqrt.cli.commands.export import export
from seqrt.cli.commands.forecast import forecast
from seqrt.cli.commands.import_ import import_model
from seqrt.cli.commands.info import info
from seqrt.cli.commands.live.serve import serve
from seqrt.cli.commands.live.stream import stream
from seqrt.cli.commands.predict import predict
from seqrt.cli.commands.text.generate import generate
from seqrt.cli.commands.train import train
from seqrt.cli.commands.validate import validate

app = typer.Typer(
    name="seqrt",
    rich_markup_mode=None,  # plain help reads the same in a terminal, a pipe and the README
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# `seqrt --help` lists them in this order, the order of the work.
app.command()(describe)
app.command()(train)
app.command()(compare)
app.command()(export)
app.command("import")(import_model)
app.command()(predict)
app.command()(forecast)
app.command()(evaluate)
app.command()(generate)
app.command()(stream)
app.command()(serve)
app.command()(validate)
app.command()(info)
app.command()(bench)
app.command()(demo)
app.command()(doctor)


def _print_version(asked: bool) -> None:
    if asked:
        import seqrt

        typer.echo(f"seqrt {seqrt.__version__}")
        raise typer.Exit


@app.callback()
def _seqrt(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; allowed anywhere.")
    ] = False,
) -> None:
    """Train recurrent networks, export each as one ONNX file that proves itself, run it anywhere.

    \b
    From a series to predictions:
      seqrt train sunspots.csv --target SUNACTIVITY --task forecast --window 24
      seqrt export
      seqrt predict sunspots.csv
      seqrt forecast sunspots.csv
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
