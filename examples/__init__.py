"""One idea per file. `python -m examples` lists them; `python -m examples.large --export` runs one."""
