"""Scoring the triage against labelled cases (``pipetriage evaluate``, docs/evaluation.md)."""
