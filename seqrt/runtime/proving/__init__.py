"""The proof inside the file and the laws of every model, measured on this machine."""

from __future__ import annotations
