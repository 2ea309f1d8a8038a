"""Triaging runs as they end: events from a queue or a Lambda invocation, and what the events did not say, by asking.

An event becomes a notice (``notices``), the desk decides what it needs (``desk``), a worker takes events from the queue
and gives back what it could not finish (``worker``, ``queue``), a poller finds runs that no event told of (``poller``).
"""
