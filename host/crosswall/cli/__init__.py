"""The command line: thin commands over the Python packages, one module per group."""

from .main import main

__all__ = ["main"]
