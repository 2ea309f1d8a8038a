"""Incidents for tests of telling people, as a fixture that others import."""

from tests.stores.conftest import MakeIncident, make_incident

__all__ = ["MakeIncident", "make_incident"]
