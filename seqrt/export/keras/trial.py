"""Reads a file in another process first, because damaged HDF5 can hang or crash its library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from seqrt.export.keras.refusal import bad_file

# For the smallest file, on a busy machine; and how many bytes of a larger one take a second more.
_SECONDS = 60.0
_BYTES_A_SECOND = 10_000_000

# The two packages are made here, because their own __init__ would load torch.
_CODE = """
import sys, types
folder, sys.path[:] = sys.argv[1], sys.argv[2:]
for name, place in (("seqrt.export", folder), ("seqrt.export.keras", folder + "/keras")):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [place]
from seqrt.errors import SeqrtError
from seqrt.export.keras.reading import read_content
try:
    read_content(sys.stdin.buffer.read())
except SeqrtError:
    pass
"""


def check_by_trial(content: bytes) -> None:
    """Raise InputError (E_KERAS_FILE) if reading the file hangs or crashes the process."""
    folder = Path(__file__).parents[1]
    command = [sys.executable, "-c", _CODE, str(folder), *sys.path]
    try:
        done = subprocess.run(
            command,
            input=content,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS + len(content) / _BYTES_A_SECOND,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise bad_file("the file is damaged: reading it does not come to an end") from None
    if done.returncode not in (0, 1):
        raise bad_file("the file is damaged: reading it crashes the HDF5 library")
