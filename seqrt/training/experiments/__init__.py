"""Experiments, several runs each: committees, comparisons and searches."""

from __future__ import annotations
