"""Data from files: tables of rows, or sequences with their labels.

    read(path)      .csv .parquet .npy .npz  ->  Table or Sequences
    Windowing       how a table is cut into windows with their targets: a Part
    windows(...)    a long series as overlapping pieces
    digest(path)    the SHA-256 that ties a model to its data

Every file is a stranger's: sizes are checked before memory is taken, nothing is unpickled, and what
cannot be used is refused with the place where it stands.
"""

from __future__ import annotations

from seqrt.data.readers.reading import read
from seqrt.data.readers.source import digest
from seqrt.data.sequences import Sequences
from seqrt.data.table import Table
from seqrt.data.windowing import Part, Windowing, joined
from seqrt.data.windows import windows

Question = Windowing  # its former name

__all__ = [
    "Part",
    "Question",
    "Sequences",
    "Table",
    "Windowing",
    "digest",
    "joined",
    "read",
    "windows",
]
