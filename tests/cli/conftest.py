"""`run`: the command line, called as the shell calls it, in this process."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from seqrt.cli import main


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys):
    """Call `seqrt WORDS...`; return its exit code and what it wrote."""

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        written = capsys.readouterr()
        return Outcome(left.value.code, written.out, written.err)

    return call
