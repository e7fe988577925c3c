"""Text from a language model: drawing classes, carrying the state, cutting at characters."""

from __future__ import annotations
