"""Writers of tables: .csv, .jsonl, .parquet.

Each writes the pieces of a table, in order, into an open file. A piece maps the names of the
columns to arrays of one length; the first piece, which may be empty, fixes names and types.
"""

from __future__ import annotations
