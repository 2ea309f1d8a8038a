"""The lab: really runs pipelines that fail, triages them, runs them again, compares with the truth."""
