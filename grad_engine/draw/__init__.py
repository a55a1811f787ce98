"""Pictures of a graph record: layout, outlines, palette, formulas. Light: the layout library loads when it is used."""
