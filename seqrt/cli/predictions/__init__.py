"""Where predictions go: the file or the stream that `-o` names, and its format."""

from __future__ import annotations
