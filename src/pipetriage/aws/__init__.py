"""The one way to AWS: a session that can only read, and the policy that lets it. docs/aws.md has the chapter.

Importing this room imports no AWS package; ``session.open_session`` does.
"""
