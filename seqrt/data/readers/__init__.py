"""Readers of .csv, .tsv, .jsonl, .parquet, .npy, .npz and .txt files.

Every file may come from a stranger: sizes are checked before memory is allocated, nothing is
unpickled or evaluated, and data that cannot be used is rejected with its place in the file.
"""

from __future__ import annotations
