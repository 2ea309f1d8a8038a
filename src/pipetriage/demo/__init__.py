"""A small real data platform in one folder: it runs pipelines, breaks two of them, and triages what they left."""
