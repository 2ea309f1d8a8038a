"""The Spark lab: real Spark and Iceberg runs that fail, are triaged, and are then really run again."""
