"""The command line: arguments in, one library call, one line on stderr if something is wrong.

stdout carries results only; everything else goes to stderr.
"""

from __future__ import annotations

from seqrt.cli.entry import main

__all__ = ["main"]
