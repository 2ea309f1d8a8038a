"""How a refusal reads, in any engine's words."""

import re

REFUSAL = re.compile(r"(?i)access ?denied|not authorized|forbidden|insufficient .{0,40}permission|\b403\b")
"""Only where this is found are permissions and refused calls worth asking for."""
