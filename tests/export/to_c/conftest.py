"""Skips the tests that need a C compiler where there is none."""

from __future__ import annotations

import c_programs
import pytest


@pytest.fixture(scope="session")
def compiler() -> str:
    """A C compiler of this machine."""
    if not c_programs.COMPILERS:
        pytest.skip("no C compiler: neither gcc nor clang is installed")
    return c_programs.COMPILERS[0]
