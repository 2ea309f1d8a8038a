"""Asking a language model: the request, the answer's form, its grounding, budgets, and one file a library."""
