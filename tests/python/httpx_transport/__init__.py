"""Tests of the transport, with the real SDKs on a fake provider."""
