"""Lines of stdin as steps, and predictions as lines of stdout."""

from __future__ import annotations
