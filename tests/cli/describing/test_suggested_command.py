"""The suggested command: every option that differs from its default, as it is typed in a shell."""

from __future__ import annotations

import shlex

import pytest

from seqrt.cli.describing.suggested_command import DESCRIBED, NAMES, train_command
from seqrt.training.problems.description import Description
from seqrt.training.problems.options import DataOptions
from seqrt.training.problems.suggestion import Suggestion


def typed(**options):
    return train_command(Description("my data.csv", Suggestion(DataOptions(**options))))


def test_every_option_of_a_table_is_described():
    assert {option.name for option in DESCRIBED} == set(NAMES)


def test_options_that_are_not_given_are_not_typed():
    assert typed() == "seqrt train 'my data.csv'"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": ("a, b", "c")}, ["--target", '"a, b",c']),
        ({"window": 7, "missing": "forward"}, ["--window", "7", "--missing", "forward"]),
        ({"span": ("2020", None)}, ["--span", "2020:"]),
        ({"series": ("shop",), "dates": "dmy"}, ["--series", "shop", "--dates", "dmy"]),
    ],
)
def test_a_shell_reads_the_options_back(options, words):
    assert shlex.split(typed(**options))[3:] == words
