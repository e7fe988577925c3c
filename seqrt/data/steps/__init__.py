"""The time from one row of a series to the next: inferred, in words, and counted on."""

from __future__ import annotations
