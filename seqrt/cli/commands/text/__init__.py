"""The commands that write text."""

from __future__ import annotations
