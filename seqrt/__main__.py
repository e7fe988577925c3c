"""`python -m seqrt` is the `seqrt` command."""

from __future__ import annotations

from seqrt.cli import main

if __name__ == "__main__":
    main()
