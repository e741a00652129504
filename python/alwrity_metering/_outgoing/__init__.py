"""Requests that go out to providers, and what is made of their answers: no library is named here.

A transport is thin: it asks an `Attempt` what to reserve, sends the request, lets the attempt see
the answer pass, and does at its end what the attempt says.
"""
