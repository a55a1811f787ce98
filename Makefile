# `make demo` and `make test` set up all they need, once, and then do their work. `make` alone lists the rest.
#   PYTHON=python3.12   the interpreter for .venv (default: the newest from 3.11 on)
#   EXAMPLE=large       what the demo shows: blog, small, attention ... (all that python -m examples.NAME --export takes)
#   QUALITY=h           Manim's quality: l (480p), m (720p), h (1080p)
#   ARGS="-k tree"      more words for pytest; -m 'not film' leaves out films
#   TORCH=1             install PyTorch for the tests that compare with it; else it is used only where it is already

EXAMPLE ?= large
QUALITY ?= h
PY := .venv/bin/python
# A bar that moves is for a terminal; a log would keep every position of it.
BAR = $(shell [ -t 2 ] || echo --progress_bar none)
# Those that can export a graph; the others are scripts of SciPy.
EXAMPLES = $(patsubst examples/%.py,%,$(shell grep -l 'examples\._' examples/[a-z]*.py))
SETUP = @PYTHON='$(PYTHON)' sh .make/setup

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint docs package stubs clean

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s  %s\n", $$1, $$2 }' Makefile
	@sed -n 's/^#   /  /p' Makefile

demo: ## print the tree of the large example, write its page, render its film (QUALITY=, EXAMPLE=)
	$(if $(filter $(EXAMPLE),$(EXAMPLES)),,$(error EXAMPLE=$(EXAMPLE) is not among the examples: $(EXAMPLES)))
	$(if $(filter $(QUALITY),l m h p k),,$(error QUALITY=$(QUALITY) is not among Manim's qualities: l m h p k))
	$(SETUP) animation
	$(PY) -m examples.$(EXAMPLE) --export --page
	@echo "Rendering the film with Manim, into media/videos/main"
	@sh .make/patiently "rendering the film" $(PY) -m manim -q$(QUALITY) --verbosity WARNING $(BAR) animation/main.py CreateAcyclicGraph
	@ls -t media/videos/main/*/CreateAcyclicGraph.mp4 | sed -n '1s/^/The video: /p'

test: ## run the tests (ARGS=, TORCH=1)
	$(SETUP) animation test $(if $(filter 1,$(TORCH)),torch)
	$(PY) -m pytest --numprocesses auto --dist loadfile $(ARGS)

lint: ## ruff check, ruff format --check and mypy
	$(SETUP) animation lint
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	@sh .make/patiently "checking types" $(PY) -m mypy

docs: ## build the documentation site in output/site, with ten films, and check its links
	$(SETUP) animation docs
	@sh .make/patiently "building the site" $(PY) .docs output/site

package: ## build wheel and source distribution in dist/, and check both
	$(SETUP) package
	rm -rf dist
	@sh .make/patiently "building wheel and source distribution" $(PY) -m build --no-isolation --outdir dist >/dev/null
	$(PY) -m twine check --strict dist/*
	$(PY) -m check_wheel_contents dist/*.whl
	@ls dist/*

stubs: ## write the .pyi files again, from the table of ops
	$(SETUP) test
	$(PY) -m tests.stubs

clean: ## remove .venv, the videos, the last export and all caches; system packages and your own files stay
	rm -rf .venv media dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf output/site
	rm -f output/graph_acyclic.json output/graph_acyclic.html
	find grad_engine animation examples tests -name __pycache__ -prune -exec rm -rf {} +
