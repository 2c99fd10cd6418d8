# Two commands on a fresh machine: `make demo` and `make test`. Both make .venv where it is not there yet.
#   PYTHON    the interpreter that makes the environment (3.11 or newer)
#   TORCH     the version of PyTorch the tests run with
#   WORKERS   how many tests run at once (one more than there are cores: some only wait for a server)
#   PIP_ARGS  more for pip; PyPI's torch for Linux brings CUDA along (gigabytes), PyTorch's own index has a CPU build:
#             make test PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PYTHON ?= python3
VENV ?= .venv
TORCH ?= 2.13.0
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) + 1)")
PIP_ARGS ?=
VERSION ?= $(TORCH)
DATA ?= $(ALPR_DATA)
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS)

# The tests put a real RTSP server before the pipeline; GStreamer's runs under the system's Python.
RTSP_PACKAGES = python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad

# And a real MQTT broker before what sends to one.
MQTT_PACKAGES = mosquitto

# And real databases before the store; nothing of it runs but in the tests.
SERVER_PACKAGES = postgresql

# And a real browser before the page.
BROWSER_PACKAGES = chromium

.PHONY: demo rtsp broker database browser test lint coverage docs image benchmarks benchmarks-check test-torch detector refiner reader clean

demo: $(VENV)/.runs
	@mkdir -p out
	$(BIN)/alpr run tests/clips/demo.mp4 --csv out/plates.csv --video out/annotated.mp4 --quiet
	@echo
	@echo "rows of out/plates.csv:"
	@cut -d, -f2-4,8,9 out/plates.csv
	@echo
	@echo "annotated video: $(CURDIR)/out/annotated.mp4"
	@echo "rows:            $(CURDIR)/out/plates.csv"

# Where nobody may install packages, the tests that need the server say so and are skipped.
rtsp: $(VENV)/.runs
	@$(BIN)/python -c "from streamer.chaos.clip_camera import can_serve; raise SystemExit(not can_serve())" || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(RTSP_PACKAGES) >/dev/null; } || \
	  echo "no RTSP server here, and no right to install one: apt-get install $(RTSP_PACKAGES)"

broker:
	@PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(MQTT_PACKAGES) >/dev/null; } || \
	  echo "no MQTT broker here, and no right to install one: apt-get install $(MQTT_PACKAGES)"

database:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SERVER_PACKAGES) >/dev/null; } || \
	  echo "no PostgreSQL here, and no right to install it: apt-get install $(SERVER_PACKAGES)"

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(BROWSER_PACKAGES) >/dev/null; } || \
	  echo "no Chromium here, and no right to install it: apt-get install $(BROWSER_PACKAGES)"

test: $(VENV)/.tests rtsp broker database browser lint
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

# Lines and branches of streamer that no test of it runs; the floor is in pyproject.toml.
coverage: $(VENV)/.tests
	$(BIN)/python -m pytest --ignore tests/models --ignore tests/train --ignore tests/hostile --cov --cov-report=term

# out/site, with the pages generated from the command line and the docstrings; a warning fails.
docs: $(VENV)/.tests
	$(BIN)/python docs/generate.py --build out/site

# Every figure that README.md and the model cards state, measured anew where code, networks or data have changed, into
# docs/benchmarks.json, a measurement at a time: hours, and the next call goes on. Data by ALPR_DATA, openalpr's
# benchmark by ALPR_OPENALPR, a 1080p25 file by ALPR_BENCH_VIDEO; what needs one that is not set is skipped.
# ONLY="scenes reader" chooses. Both fail where a text states otherwise.
ONLY ?=
benchmarks: $(VENV)/.tests
	$(BIN)/python -m train.benchmarks $(addprefix --only ,$(ONLY))

benchmarks-check: $(VENV)/.tests
	$(BIN)/python -m train.benchmarks --check $(addprefix --only ,$(ONLY))

# The container, by Docker, Podman or Buildah; the build reads the demo clip. BASE is its base image. Where no engine
# runs: make image ENGINE="buildah --storage-driver vfs" ENGINE_ARGS="--isolation chroot --format docker"
ENGINE ?= docker
ENGINE_ARGS ?=
BASE ?= python:3.13-slim-bookworm
image:
	$(ENGINE) build $(ENGINE_ARGS) --build-arg BASE=$(BASE) --tag alpr-streamer .

lint: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The networks, their training and export on another PyTorch, in an environment of its own.
test-torch:
	$(MAKE) VENV=.venv-torch-$(VERSION) TORCH=$(VERSION) .venv-torch-$(VERSION)/.tests
	.venv-torch-$(VERSION)/bin/python -c "import torch; print('torch', torch.__version__)"
	.venv-torch-$(VERSION)/bin/python -m pytest tests/models tests/train tests/engine

# The shipped weights again, from the data in ALPR_DATA (or DATA=...): an hour or two each on two cores.
detector refiner reader: $(VENV)/.tests
	@test -n "$(DATA)" || { echo "name the training data: make $@ DATA=FOLDER (see README, Train)"; exit 2; }
	$(BIN)/alpr train $@ --config configs/$@/$(if $(filter detector,$@),s,base).yaml --data $(DATA)
	$(BIN)/alpr export out/train/$(if $(filter detector,$@),plate-detector-s,plate-$@)/weights.pt --data $(DATA) --replace

$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  { echo "$(PYTHON) is older than Python 3.11: make ... PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runs: pyproject.toml | $(BIN)/python
	$(PIP) -e .
	@$(BIN)/python -c "import cv2" || \
	  { echo "OpenCV lacks a system library: apt-get install libgl1 libglib2.0-0"; exit 2; }
	@touch $@

$(VENV)/.tests: pyproject.toml | $(VENV)/.runs
	$(PIP) "torch==$(TORCH)"
	$(PIP) -e ".[train,test,docs]"
	@touch $@

clean:
	rm -rf .venv .venv-torch-* out .pytest_cache .mypy_cache .ruff_cache .hypothesis
