"""Parses the JSON of a Keras file: bounded depth, no repeated keys, finite numbers."""

from __future__ import annotations

import json
import re
from typing import Any

from seqrt.export.keras.refusal import bad_file

_DEEPEST = 64
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def parse_config(text: str, where: str) -> dict[str, Any]:
    """Return the object that `text` holds; raise InputError that names `where` it stands."""
    _check_depth(text, where)
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise bad_file(f"{where} must be JSON ({str(error)[:120]})") from None
    if not isinstance(value, dict):
        raise bad_file(f"{where} must be a JSON object, got {type(value).__name__}")
    return value


def _check_depth(text: str, where: str) -> None:
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > _DEEPEST:
            raise bad_file(f"{where} must be nested at most {_DEEPEST} deep")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a finite number")
