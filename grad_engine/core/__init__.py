"""The engine itself. README.md gives the order in which to read it."""
