"""The commands that follow live sequences: from stdin, and over HTTP."""

from __future__ import annotations
