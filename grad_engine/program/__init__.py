"""A traced function as one straight-line NumPy program: `ge.compile`. README.md follows one function through it."""

from grad_engine.program.compiled import Compiled, Lowered, compile
from grad_engine.program.scan import scan

__all__ = ["Compiled", "Lowered", "compile", "scan"]
