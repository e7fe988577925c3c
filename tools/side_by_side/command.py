"""Runs commands of seqrt as a user does."""

from __future__ import annotations

import subprocess
import sys


def seqrt(*words: str) -> str:
    """Run a command of seqrt; return what it prints on stdout, or show its error and exit."""
    done = subprocess.run(
        [sys.executable, "-m", "seqrt", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout
