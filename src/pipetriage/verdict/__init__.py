"""What was written, is it safe, what do we say."""
