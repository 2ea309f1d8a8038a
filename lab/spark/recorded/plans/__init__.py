"""Every program that is recorded, by what breaks it."""

from lab.spark.recorded.plans import (
    code,
    commit,
    hot_keys,
    permission,
    resource,
    schema,
    services,
    source,
    spark4,
    tiny_files,
)
from lab.spark.recorded.program import Program

PROGRAMS: list[Program] = [
    *schema.PROGRAMS,
    *source.PROGRAMS,
    *services.PROGRAMS,
    *permission.PROGRAMS,
    *code.PROGRAMS,
    *commit.PROGRAMS,
    *resource.PROGRAMS,
    *hot_keys.PROGRAMS,
    *tiny_files.PROGRAMS,
    *spark4.PROGRAMS,
]
