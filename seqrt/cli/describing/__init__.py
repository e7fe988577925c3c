"""The report of `seqrt describe`: as text, as JSON, and as a picture."""

from __future__ import annotations
