"""What seqrt understands of a data set: what each column holds, and what it is used for."""

from __future__ import annotations
