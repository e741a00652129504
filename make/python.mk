# The Python wheel: included by the Makefile.

.PHONY: wheel test-wheel bench-python

wheel: setup ## Build the Python wheel, optimised: target/wheels
	.venv/bin/maturin build --out $(TARGET)/wheels

test-wheel: setup ## Test the wheel on every CPython from 3.10 on that is here
	scripts/test_wheel.sh $(TARGET)

bench-python: setup ## Measure the wheel beside the core alone and beside SQLAlchemy
	.venv/bin/maturin build --quiet --features bench --out $(TARGET)/wheels/bench
	python3 -m venv --clear $(TARGET)/wheel-bench
	$(TARGET)/wheel-bench/bin/pip install --quiet --disable-pip-version-check \
		-r benches/python/requirements.txt $(TARGET)/wheels/bench/*.whl
	$(TARGET)/wheel-bench/bin/python benches/python/bench.py $(TARGET)/wheels/bench/*.whl
