# make lab       open the course in JupyterLab; ARGS=... are passed to it, for example ARGS=--no-browser
# make test      unit tests, and every notebook run and compared with its stored outputs
# make outputs   run the notebooks and store their outputs; LESSON=02 for one of them
# make bench     time the course's code against the usual way
#
# Each builds .venv first if it is missing or its requirements changed. TORCH=cpu, when .venv is built,
# takes PyTorch's smaller CPU packages (Linux without an NVIDIA card). PYTHON=... chooses the Python.

BIN := .venv/bin
READY := .venv/.ready
ifeq ($(TORCH),cpu)
PIP_ARGS := --extra-index-url https://download.pytorch.org/whl/cpu
endif
PYTHON ?= python3 python3.13 python3.12 python3.11 python3.10 python
# JupyterLab asks to be told that running as root is meant. In a container there is often no other user.
AS_ROOT = $(shell [ "$$(id -u)" != 0 ] || echo --allow-root)

.PHONY: lab test outputs weights bench

lab: $(READY)
	JUPYTER_PREFER_ENV_PATH=1 $(BIN)/python -m jupyterlab notebooks $(AS_ROOT) $(ARGS)

test: $(READY)
	$(BIN)/python -m pytest

outputs: $(READY)
	$(BIN)/python scripts/outputs.py $(LESSON)

weights: $(READY)
	$(BIN)/python -m scripts.weights $(NAME)

bench: $(READY)
	@for script in benchmarks/*.py; do $(BIN)/python "$$script" || exit 1; done

# .ready is made last, so that an installation that broke off is started again from nothing.
$(READY): pyproject.toml constraints.txt
	@for python in $(PYTHON); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Python 3.10 or newer is needed and none of these is: $(PYTHON). Or name one: make lab PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi; \
	echo "Installing into .venv with $$("$$found" --version); this takes some minutes"; \
	"$$found" -m venv --clear .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet $(PIP_ARGS) -c constraints.txt -e ".[test,bench]"
	@touch $(READY)
