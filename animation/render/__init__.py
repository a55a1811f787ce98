"""From primitives to frames to a film: the only package that leans on Manim's internals, each use with its reason.

In flow primitives (outlines in one colour) with their place and opacity; out flow pixels (`canvas`) and an encoded film
(`encoder`).
"""
