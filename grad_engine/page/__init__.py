"""A record as one HTML file that can be stepped through, searched, folded and shared.

In flows a record, with its story (`grad_engine.story`) and its looks (`grad_engine.draw`); out flows a string of HTML
that needs nothing else. `payload` gathers what the page shows, `write` puts the file together, `client/` is what runs
in the browser.
"""

from grad_engine.page.write import THEMES, page_html, save_page

__all__ = ["THEMES", "page_html", "save_page"]
