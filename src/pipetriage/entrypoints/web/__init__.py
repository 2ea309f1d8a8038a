"""The HTTP service: what ``pipetriage serve`` answers. Each router is a file; ``service.py`` puts them together."""
