"""Problems: data or a built-in task, split into training and validation, with a baseline."""

from __future__ import annotations
