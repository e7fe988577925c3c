"""Problems of texts: which column holds them, their tokens, and their split into parts."""

from __future__ import annotations
