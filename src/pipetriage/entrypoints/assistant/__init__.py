"""The MCP server: an engineer's assistant may look, and may do nothing. ``quoting.py`` says what it can be told."""
