"""The templates of failures, one table a service area."""
