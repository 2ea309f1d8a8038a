"""Records cases: ordinary PySpark programs of ``lab/spark/programs`` that really run and really fail."""
