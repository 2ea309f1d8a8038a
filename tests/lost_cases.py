"""Cases whose rerun was measured harmless and is not called safe: which rule gives it away, and why it stays."""

_PLAIN = "plain files have no commit log: what is new there may be anyone's, and how it was written does not show"
_STAGED = "a staged write is committed output that nothing is seen to empty (design section 4.4)"
_UNDONE = "somebody deleted or rolled back what the batch wrote: absence since then does not count (section 4.3)"
_STRANGER = "a stranger wrote to the same partition meanwhile: only the keys would tell"
_INSERTS = "an insert-only MERGE looks like an append, and no other commit of the job shows that it merges"

LOST = {
    "spark_append_each_killed_between_107": _UNDONE,
    "spark_append_each_udf_value_11": _UNDONE,
    "spark_append_one_after_service_106": _UNDONE,
    "spark_merge_conflict_39": _STRANGER,
    "spark_merge_insert_after_service_42": _INSERTS,
    "spark_merge_insert_killed_after_43": _INSERTS,
    "spark_parquet_append_start_service_68": _PLAIN,
    "spark_parquet_dynamic_after_service_73": _PLAIN,
    "spark_parquet_overwrite_after_service_71": _PLAIN,
    "spark_parquet_overwrite_killed_writing_103": _PLAIN,
    "spark_parquet_overwrite_killed_writing_70": _PLAIN,
    "spark_parquet_overwrite_udf_service_69": _PLAIN,
    "spark_wap_branch_between_service_50": _STAGED,
    "spark_wap_branch_killed_between_95": _STAGED,
    "spark_wap_id_between_service_45": _STAGED,
}
