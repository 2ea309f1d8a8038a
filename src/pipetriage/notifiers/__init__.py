"""Telling people: one file a channel, the rules of who is told, and the delivery that loses nothing."""
