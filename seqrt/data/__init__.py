"""Data from files: tables of rows, or sequences with their targets.

    read(path)      reads tables, arrays or texts into a Table or Sequences
    arrange(table)  sorts a table by series and time, and finds its gaps: a Timeline
    Timeline        a table in order: its series, and the runs that windows are cut from
    Windowing       cuts a table into windows with their targets: a Part
    windows(...)    returns the overlapping windows of a series
    digest(path)    returns the SHA-256 that ties a model to its data

Files are not trusted: sizes are checked before memory is allocated, nothing is unpickled, and data
that cannot be used is rejected with its place in the file.
"""

from __future__ import annotations

from seqrt.data.ordering.arrange import arrange
from seqrt.data.readers.reading import read
from seqrt.data.readers.source import digest
from seqrt.data.sequences import Sequences
from seqrt.data.table import Table
from seqrt.data.timeline import Timeline
from seqrt.data.windowing import Part, Windowing, joined
from seqrt.data.windows import windows

Question = Windowing  # its former name

__all__ = [
    "Part",
    "Question",
    "Sequences",
    "Table",
    "Timeline",
    "Windowing",
    "arrange",
    "digest",
    "joined",
    "read",
    "windows",
]
