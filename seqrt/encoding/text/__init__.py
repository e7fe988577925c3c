"""Columns of text: how they are held, and what most of their cells are."""

from __future__ import annotations
