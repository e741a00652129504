# The FastAPI part: included by the Makefile. Its pieces of `lint`, `test`, `demo`, `bench` and
# `soak` are targets of their own.

.PHONY: serve demo-http test-http lint-http bench-http soak-http

PORT ?= 8000
DB ?= metering.db
HTTP_TOOLS := .venv/http_tools_are_set_up
HTTP_READY := .venv/http_is_set_up
HTTP_SOURCES := python/alwrity_metering/fastapi examples/fastapi_app tests/python/http benches/http
HTTP_CHECKED := examples/fastapi_app tests/python/http/*.py benches/http/*.py

$(HTTP_TOOLS): tests/python/http/requirements.txt | setup
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# The package itself only where nothing else has installed it.
$(HTTP_READY): $(HTTP_TOOLS)
	$(PYTHON) -c 'import alwrity_metering' 2>/dev/null || \
		VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/maturin develop --release
	touch $@

serve: $(HTTP_READY) ## Run the example backend: two workers on 127.0.0.1 (PORT, DB)
	PYTHONPATH=examples $(PYTHON) -m fastapi_app.serve --port $(PORT) --db $(DB)

# Drives the example backend with real requests until a Free user meets the 429.
demo-http: $(HTTP_READY)
	PYTHONPATH=examples $(PYTHON) -m fastapi_app.tour

lint-http: $(HTTP_TOOLS)
	ruff format --check $(HTTP_SOURCES)
	ruff check $(HTTP_SOURCES)
	cd python && mypy --strict --package alwrity_metering.fastapi
	MYPYPATH=python:examples:tests/python/http mypy --strict --explicit-package-bases $(HTTP_CHECKED)

# In place; `make test` tests the installed wheel.
test-http: $(HTTP_READY)
	$(PYTHON) -m pytest --quiet tests/python/http

# The middleware beside the bare application (ROUNDS, SECONDS).
bench-http: $(HTTP_TOOLS)
	VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/maturin develop --quiet --profile dist
	$(PYTHON) benches/http/middleware.py

# Two uvicorn workers, random kills (DURATION_S, SEED).
soak-http: $(HTTP_READY)
	PYTHONPATH=tests/python/http:examples $(PYTHON) tests/python/http/soak.py
