from tests.notifiers.incidents import make_incident

__all__ = ["make_incident"]
