"""An example backend: a small FastAPI service whose calls to providers are metered.

    make serve      two workers on 127.0.0.1:8000, with a provider that is not one
    make demo       the same, driven until a Free user meets its limit

| file | what is in it |
|---|---|
| `app.py` | the service: three metered routes, the billing endpoints, sign-in |
| `auth.py` | sign-in: who a request is from, which nobody else decides |
| `llm.py` | the calls to providers, over HTTP |
| `serve.py` | a store with plans and prices, the fake provider, two workers |
| `tour.py` | what `make demo` does |
"""
