# The Python wheel: included by the Makefile.

.PHONY: wheel test-wheel

wheel: setup ## Build the Python wheel, optimised: target/wheels
	.venv/bin/maturin build --release --out $(TARGET)/wheels

test-wheel: setup ## Test the wheel on every CPython from 3.10 on that is here
	scripts/test_wheel.sh $(TARGET)
