"""Airflow: retries that are the gate's to allow, and a sensor for readers. Import the file for your version:

* ``retry_policy`` (3.3 and newer): ``retry_policy=GateRetryPolicy()`` on any task that starts a Glue run
* ``gated`` (2.10 and newer): a decorator for ``@task`` functions, and a mixin for operators
* ``sensor``: ``ReadSensor(table=…)`` before a task that reads a table
"""
