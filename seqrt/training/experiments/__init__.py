"""Several runs: folds, searches and comparisons."""

from __future__ import annotations
