"""The commands of `seqrt`, one file each: parse, one library call, say where."""

from __future__ import annotations
