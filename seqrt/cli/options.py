"""An option of the command line, declared once: its type, its line in the help, its parser.

Parsers turn the text of an option that holds several parts into a value: names, sizes, the two ends
of a span. Their errors name the option.
"""

from __future__ import annotations

import csv
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from seqrt.errors import UsageError

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON")]


@dataclass(frozen=True)
class Option:
    """One option, which a command passes on as the keyword `name`.

    `kind` is the type that typer reads; a bool makes a flag. `default` is what the help shows in
    brackets: the option itself has none, so that the code it configures decides. `parse` gets the
    flag and what typer read, and returns the value that is passed on. A `shared` option of
    `seqrt train` is an option of `seqrt compare` too. `typed` is the word after the two hyphens, if
    it is not the name.
    """

    name: str
    kind: Any
    help: str
    default: str = ""
    metavar: str | None = None
    parse: Callable[[str, Any], Any] | None = None
    shared: bool = False
    typed: str = ""

    @property
    def flag(self) -> str:
        """The option as it is typed: --batch-size."""
        return f"--{self.typed or self.name.replace('_', '-')}"

    def parameter(self) -> inspect.Parameter:
        """Return the parameter of a command that typer reads as this option."""
        text = f"{self.help}  [{self.default}]" if self.default else self.help
        option = typer.Option(self.flag, metavar=self.metavar, help=text)
        is_flag = self.kind is bool
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if is_flag else None,
            annotation=Annotated[self.kind if is_flag else self.kind | None, option],
        )

    def value(self, given: Any) -> Any:
        """Return the value to pass on for what typer read."""
        return given if self.parse is None else self.parse(self.flag, given)


def takes(options: Sequence[Option]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these `options`; those that the user gives reach its `**options`, parsed.

    In the help they follow the command's positional parameters and precede its keyword-only ones.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_options(**given: Any) -> None:
            own = {name: given.pop(name) for name in list(given) if name not in declared}
            command(**own, **_parsed(options, given))

        declared = {option.name for option in options}
        parameters = _parameters(command, options)
        # typer reads a command's parameters from these two, as inspect and typing do.
        signature = inspect.Signature(parameters)
        with_options.__signature__ = signature  # type: ignore[attr-defined]  # a function has none
        with_options.__annotations__ = {each.name: each.annotation for each in parameters}
        return with_options

    return decorate


def _parameters(command: Callable[..., None], options: Sequence[Option]) -> list[inspect.Parameter]:
    own = inspect.signature(command, eval_str=True).parameters.values()
    keywords = [each for each in own if each.kind is inspect.Parameter.KEYWORD_ONLY]
    before = [each for each in own if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    return [*before, *(option.parameter() for option in options), *keywords]


def _parsed(options: Sequence[Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the options that were given."""
    values = ((option, given[option.name]) for option in options)
    return {option.name: option.value(value) for option, value in values if _is_given(value)}


def _is_given(value: Any) -> bool:
    """Whether typer read an option at all; 0 is a value, and a flag left out is False."""
    return not (value is None or value is False or value == [])


def parse_names(flag: str, values: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names between commas; a name with a comma in it is put in double quotes."""
    if not values:
        return ()
    parts = tuple(name.strip() for name in next(csv.reader([",".join(values)])))
    if not all(parts):
        raise UsageError(f"{flag} must be names separated by commas, got {','.join(values)!r}.")
    return parts


def parse_sizes(flag: str, text: str) -> tuple[int, ...]:
    """Return the sizes between commas."""
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise UsageError(
            f"{flag} must be whole numbers separated by commas, such as 64,32, got {text!r}."
        ) from None


def parse_levels(flag: str, text: str) -> tuple[float, ...]:
    """Return the levels of prediction intervals in percent."""
    try:
        levels = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{flag} must be percentages such as 80,95, got {text!r}.") from None
    return levels


def parse_floor(flag: str, text: str) -> float | str | None:
    """Return the floor of forecasts, the word none, or None for auto."""
    if text in ("auto", "none"):
        return None if text == "auto" else text
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{flag} must be a number, none or auto, got {text!r}.") from None


def parse_span(flag: str, text: str | None) -> tuple[str | None, str | None] | None:
    """Return the two ends of FIRST:LAST; if they are times of day, both have as many colons."""
    if text is None:
        return None
    parts = text.split(":")
    middle = len(parts) // 2
    ends = ":".join(parts[:middle]).strip(), ":".join(parts[middle:]).strip()
    if text.strip().endswith(":"):
        ends = text.strip()[:-1], ""
    elif text.strip().startswith(":"):
        ends = "", text.strip()[1:]
    elif len(parts) % 2:
        raise UsageError(
            f"{flag} must be FIRST:LAST, such as 1700:1920, 1700: or :1920, got {text!r}."
        )
    return ends[0] or None, ends[1] or None
