"""Short ways to write the adversary's tables."""

from dataclasses import dataclass, field, replace
from typing import Any

from lab.composed.words import Fault, Twist, Variant
from lab.split import split_of


@dataclass(frozen=True, kw_only=True)
class Trick:
    """One adversarial family, or some of its cases."""

    family: str
    fault: Fault
    twist: Twist = field(default_factory=Twist)
    first: int = 1
    """The number of its first case, where a family has several tricks."""


class Bases:
    """The templates that a trick may be played on, by kind: some of the development split, some of the reserve."""

    def __init__(self, faults: dict[str, Fault]) -> None:
        def kind(*names: str) -> tuple[Fault, ...]:
            return tuple(faults[name] for name in names)

        self.throttle = kind("glue_throttled_partitions", "glue_throttled_table")
        self.throttle_start = kind("athena_throttled", "sts_throttled")
        self.service = kind("s3_internal_error", "glue_internal_service")
        self.reset = kind("net_reset", "net_no_response")
        self.link = kind("rds_link_failure", "net_read_timeout")
        self.missing = kind("path_missing", "no_such_file")
        self.drift = kind("new_column_rejected", "missing_column_write")
        self.retyped = kind("merge_schemas", "parquet_type")
        self.unresolved = kind("unresolved_upstream", "unresolved_upstream_spark33")
        self.denial = kind("lf_credentials", "iam_get_table")
        self.denial_start = kind("secret_denied", "vpc_endpoint_policy")
        self.denial_tasks = kind("s3_scp_deny", "kms_decrypt")
        self.denial_lake = kind("lf_vending", "lf_table")
        self.password = kind("secret_denied", "rds_password")
        self.partial = kind("publish_interrupted", "exit_code_only")
        self.head = kind("s3_scp_deny", "s3_get_denied")
        self.unanswered = kind("commit_state_unknown")
        self.ended = kind("system_exit_one", "stopped_by_person")


def chosen(family: str, bases: tuple[Fault, ...]) -> Fault:
    """Choose the template of the family's own split: no error text may be seen in development and scored in reserve."""
    side = split_of(f"adv_{family}")
    return next((base for base in bases if split_of(f"aws_{base.family}") == side), bases[0])


def trick(
    family: str,
    base: Fault | tuple[Fault, ...],
    note: str,
    *variants: Variant,
    twist: Twist | None = None,
    first: int = 1,
    **changes: Any,
) -> Trick:
    """Make a family of a template: with other variants, a note of its own, and changes to the template."""
    template = chosen(family, base) if isinstance(base, tuple) else base
    glue = template.variants[0].glue
    made = tuple(replace(one, glue=one.glue or glue) for one in variants or (Variant(),))
    fault = replace(template, note=note, variants=made, **changes)
    return Trick(family=family, fault=fault, twist=twist or Twist(), first=first)
