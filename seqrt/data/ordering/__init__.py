"""Rows in order: their series, their times, the step from row to row, and where it is broken."""

from __future__ import annotations
