"""Data from files: tables of rows, or sequences with their labels.

    read(path)      .csv .parquet .npy .npz  ->  Table or Sequences
    Question        what is asked of a table, which cuts it into a Part
    windows(...)    a long series as overlapping pieces
    digest(path)    the SHA-256 that ties a model to its data

Every file is a stranger's: sizes are checked before memory is taken, nothing is unpickled, and what
cannot be used is refused with the place where it stands.
"""

from __future__ import annotations

from seqrt.data.reading import read
from seqrt.data.sequences import Sequences
from seqrt.data.source import digest
from seqrt.data.table import Table
from seqrt.data.windowing import Part, Question, joined
from seqrt.data.windows import windows

__all__ = ["Part", "Question", "Sequences", "Table", "digest", "joined", "read", "windows"]
