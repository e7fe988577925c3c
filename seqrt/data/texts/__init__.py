"""Columns of texts: which they are, and the ids of tokens that they become."""

from __future__ import annotations
