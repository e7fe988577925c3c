"""Serving a model over HTTP: the Open Inference Protocol v2, with live sequences.

It needs starlette and uvicorn (the extra `serve`) and the runtime. README.md says what the server
takes and returns.
"""

from __future__ import annotations
