"""By what words an incident is found, and by which of them two failures are alike. Pure."""

import re

from pipetriage.model.incident import Incident

_WORD = re.compile(r"[^\W_]{1,64}")
_TELLING = re.compile(r"[^\W\d_]{3,64}")
_AT_MOST = 400
_ALIKE_AT_MOST = 48
_TEXT_AT_MOST = 8000


def split(text: str) -> list[str]:
    """Split into words: runs of letters and digits, lower-cased; a name with dots or underscores becomes several."""
    return _WORD.findall(text.lower())


def search_words(incident: Incident) -> str:
    """Give the words that an incident is searched by, each once, in order. Ids are found by how they begin, instead."""
    said = [
        incident.pipeline_name,
        incident.status,
        incident.failure_category,
        incident.failure_mode,
        incident.route.queue,
        incident.route.owner or "",
        *(one.table for one in incident.write_state),
        incident.affected_table or "",
        incident.affected_source_path or "",
        incident.likely_root_cause,
        *(one.statement for one in incident.findings),
        *(one.consumer for one in incident.exposure),
        *(one.owner or "" for one in incident.exposure),
    ]
    found = dict.fromkeys(split(" ".join(said)[:_TEXT_AT_MOST]))
    return " ".join(list(found)[:_AT_MOST]) or "incident"


def failure_words(incident: Incident) -> list[str]:
    """Give the words by which a failure is alike to others: of what was said of its cause, numbers and ids left out."""
    said = [
        incident.failure_category,
        incident.failure_mode,
        incident.likely_root_cause,
        *(one.statement for one in incident.findings),
        incident.affected_table or "",
        incident.pipeline_name,
    ]
    return list(dict.fromkeys(_TELLING.findall(" ".join(said)[:_TEXT_AT_MOST].lower())))[:_ALIKE_AT_MOST]
