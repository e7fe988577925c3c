"""The operators of torch that a file can hold: one function for each, in one table."""

from __future__ import annotations
