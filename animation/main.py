"""The scene file: `manim -pqh animation/main.py CreateAcyclicGraph` shows the last graph that was exported."""

from __future__ import annotations

import os
import shutil
import sys

from manim import config

from animation.scene import GraphScene

config.video_encoder_options = {"preset": "superfast", "crf": "20", **config.video_encoder_options}
if sys.platform.startswith("linux") and not (
    shutil.which("xdg-open") and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
):
    config.preview = False  # there is no one to show it to, and Manim would end in a traceback


class CreateAcyclicGraph(GraphScene):
    """The forward pass that built the graph, the backward pass over the same edges, and what every leaf got."""
