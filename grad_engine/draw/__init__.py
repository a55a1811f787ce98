"""Still pictures: in flows a GraphRecord, out flows SVG (`to_svg`) or Graphviz's DOT (`graphviz.to_dot`).

looks.py says what is written on each thing, lettering.py measures and cleans words, glyph.py has the outlines.
crowd.py chooses what of a large graph is drawn. layout.py places boxes and lines with the help of order.py, channel.py
and rows.py; it alone calls the layout library, which loads when it is used. svg.py draws. palette.py has the colours.
"""

from grad_engine.draw.svg import to_svg

__all__ = ["to_svg"]
