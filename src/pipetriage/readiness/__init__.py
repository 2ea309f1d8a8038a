"""How ready a platform is for triage: which signals its runs leave, and what each missing one costs."""
