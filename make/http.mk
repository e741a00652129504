# The FastAPI part: included by the Makefile. The package has to be in .venv (`make wheel` or
# `maturin develop`); `make setup` installs the rest.

.PHONY: serve demo-http test-http lint-http bench-http soak-http

PORT ?= 8000
DB ?= metering.db
HTTP_SOURCES := python/alwrity_metering/fastapi examples/fastapi_app tests/python/http benches/http

serve: setup ## Run the example backend: two workers on 127.0.0.1 (PORT, DB)
	PYTHONPATH=examples $(PYTHON) -m fastapi_app.serve --port $(PORT) --db $(DB)

demo-http: setup # The part of `make demo` that drives the example backend
	PYTHONPATH=examples $(PYTHON) -m fastapi_app.tour

lint-http: setup # The part of `make lint` for these sources
	ruff format --check $(HTTP_SOURCES)
	ruff check $(HTTP_SOURCES)
	cd python && mypy --strict --package alwrity_metering.fastapi
	MYPYPATH=examples:tests/python/http mypy --strict --explicit-package-bases \
		examples/fastapi_app tests/python/http/*.py benches/http/*.py

test-http: setup # The part of `make test` for these sources
	$(PYTHON) -m pytest -q tests/python/http

bench-http: setup # The part of `make bench`: the middleware beside the bare application
	$(PYTHON) benches/http/middleware.py

soak-http: setup # Two uvicorn workers, random kills (DURATION_S, SEED); a part of `make soak`
	PYTHONPATH=tests/python/http:examples $(PYTHON) tests/python/http/soak.py

soak: soak-http
