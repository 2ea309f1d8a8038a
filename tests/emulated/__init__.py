"""An AWS account on loopback: moto's server with what it lacks for Glue triage. See account.py."""
