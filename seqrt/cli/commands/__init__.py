"""The commands of `seqrt`, one file each: read the options, call the library, print the result."""

from __future__ import annotations
