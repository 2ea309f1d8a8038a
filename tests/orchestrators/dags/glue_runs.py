"""The real GlueJobOperator, over a Glue that appends half a batch with each run. For every version of Airflow."""

import datetime
import inspect
import logging
import sys
from typing import Any

from airflow.providers.amazon.aws.operators.glue import GlueJobOperator

from pipetriage.entrypoints.airflow.gated import GateMixin, gated

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
try:
    from airflow.sdk.exceptions import AirflowSkipException
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import AirflowSkipException
try:
    from pipetriage.entrypoints.airflow.retry_policy import GateRetryPolicy

    NEW = True
except ImportError:  # before Airflow 3.3
    NEW = False

TWICE: dict[str, Any] = {"retries": 1, "retry_delay": datetime.timedelta(0)}
SECONDS = datetime.timedelta(seconds=4)


class GatedGlueJobOperator(GateMixin, GlueJobOperator):  # type: ignore[misc] # Airflow is not in our environment
    pass


def glue(kind: type, name: str, **more: Any) -> None:
    # Older providers have no such thing, and poll by job_poll_interval when they are deferred, too.
    more |= {"waiter_delay": 1} if "waiter_delay" in inspect.signature(GlueJobOperator.__init__).parameters else {}
    kind(task_id=name, job_name=name, job_poll_interval=1, **TWICE, **more)


WAYS: list[tuple[str, type, dict[str, Any]]] = [("mixin", GatedGlueJobOperator, {})]
if NEW:
    WAYS.append(("policy", GlueJobOperator, {"retry_policy": GateRetryPolicy()}))


@dag(schedule=None, start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
def glue_hangs() -> None:
    for way, kind, more in WAYS:
        glue(kind, f"{way}_hangs", execution_timeout=SECONDS, **more)


@dag(schedule=None, start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
def glue_runs() -> None:
    glue(GlueJobOperator, "alone")
    for way, kind, more in WAYS:
        glue(kind, f"{way}_fails", **more)
        if NEW:  # "dags test" of older versions plays a task whose trigger failed anew, for ever
            glue(kind, f"{way}_deferred", deferrable=True, **more)
        glue(kind, f"{way}_refused", **more)
        glue(kind, f"{way}_faulty", **more)

    @task(**TWICE)
    @gated(lambda error, context: "glue:exits/jr_1")
    def exits() -> None:
        sys.exit(1)

    @task(**TWICE)
    @gated(lambda error, context: "glue:skips/jr_1")
    def skips() -> None:
        raise AirflowSkipException("nothing to do")

    @task(trigger_rule="all_skipped")
    def after_skip() -> None:
        logging.getLogger(__name__).warning("after the skip")

    exits()
    skips() >> after_skip()


glue_runs()
glue_hangs()
