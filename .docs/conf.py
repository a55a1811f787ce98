"""Settings of Sphinx for the documentation site; `make docs` builds it."""

from grad_engine.version import VERSION

project = "grad_engine"
author = "The grad_engine authors"
copyright = author
release = version = VERSION

extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
highlight_language = "text"
maximum_signature_line_length = 88
python_display_short_literal_types = True
add_module_names = False
toc_object_entries = False  # each has a heading already

html_theme = "furo"
html_title = f"grad_engine {VERSION}"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["site.css"]
