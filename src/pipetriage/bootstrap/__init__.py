"""Settings to a wired program: the only place that reads pipetriage.toml and builds clients."""

from pipetriage.bootstrap.app import App, open_app

__all__ = ["App", "open_app"]
