"""Pictures of a graph record: layout, outlines, palette, formulas. Light to import: the layout library loads when used."""
