"""Reads the graph of a file for one row and one step, as operations on numbered places."""

from __future__ import annotations
