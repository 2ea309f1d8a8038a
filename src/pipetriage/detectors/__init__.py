"""What broke: pure functions of the context, one file per category, in an explicit list."""
