"""pipetriage: is it safe to rerun, and what is already wrong downstream?"""

__version__ = "0.1.0"
