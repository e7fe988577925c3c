"""Predictions as tables: which row each is for, and the rows that come after the data."""

from __future__ import annotations
