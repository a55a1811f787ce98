"""Pictures of a graph record: layout, outlines, palette, formulas, SVG. The layout library loads when it is used."""

from grad_engine.draw.svg import to_svg

__all__ = ["to_svg"]
