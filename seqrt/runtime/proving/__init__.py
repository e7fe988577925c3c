"""The proof inside the file and the laws, measured on this machine."""

from __future__ import annotations
