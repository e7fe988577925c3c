"""Options declared as data: what typer makes of them, and what the command receives."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
import typer

from seqrt.cli.options import Option, parse_names, takes
from seqrt.errors import UsageError

OPTIONS = (
    Option("columns", list[str], "Columns", "all", metavar="NAMES", parse=parse_names),
    Option("batch_size", int, "Sequences per batch", "32"),
    Option("cell", Literal["rnn", "gru"], "Kind of layer"),
    Option("plain", bool, "Do without"),
)


@pytest.fixture
def call():
    """Call a command that takes the options; return what it received."""
    received = {}

    @takes(OPTIONS)
    def command(
        data: Annotated[str, typer.Argument(help="Data")],
        *,
        out: Annotated[str, typer.Option("-o", "--out")] = "here",
        **options: Any,
    ) -> None:
        """Do the work."""
        received.update(data=data, out=out, options=options)

    def run(*words):
        received.clear()
        app = typer.Typer(rich_markup_mode=None)
        app.command()(command)
        app(words, standalone_mode=False)
        return received

    return run


def test_a_command_receives_the_options_that_are_given_and_no_others(call):
    assert call("x") == {"data": "x", "out": "here", "options": {}}
    assert call("x", "--plain", "--cell", "gru", "-o", "there") == {
        "data": "x",
        "out": "there",
        "options": {"plain": True, "cell": "gru"},
    }


def test_zero_is_given_and_an_underscore_is_a_hyphen(call):
    assert call("x", "--batch-size", "0")["options"] == {"batch_size": 0}


def test_a_value_with_several_parts_is_parsed_and_an_error_names_the_option(call):
    given = call("x", "--columns", "a,b", "--columns", "c")["options"]

    assert given == {"columns": ("a", "b", "c")}
    with pytest.raises(UsageError, match="--columns must be names separated by commas, got 'a,,b'"):
        call("x", "--columns", "a,,b")


def test_the_help_shows_the_options_between_those_of_the_command_with_their_defaults(call, capsys):
    call("--help")

    text = " ".join(capsys.readouterr().out.split())
    assert "--columns NAMES Columns [all] --batch-size <int> Sequences per batch [32]" in text
    assert "--cell <rnn|gru> Kind of layer --plain Do without -o, --out" in text
