"""The scene file: `manim -pqh animation/main.py CreateAcyclicGraph` shows the last graph that was exported."""

from __future__ import annotations

import sys
from pathlib import Path

from manim import config

# Manim puts the folder of this file on the path. The package is that folder, so the one around it has to come first.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from animation.render.encoder import OPTIONS
from animation.scene import GraphScene, has_display

config.video_encoder_options = {**OPTIONS, **config.video_encoder_options}
if not has_display():
    config.preview = False  # Manim would end in a traceback


class CreateAcyclicGraph(GraphScene):
    """The forward pass that built the graph, the backward pass over the same edges, and what every leaf got."""
