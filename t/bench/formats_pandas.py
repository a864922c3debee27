"""pandas' way with other formats: formats_pandas.py KIND IN OUT. Values stay text, sums exact."""

import subprocess
import sys

import pandas

kind, source, target = sys.argv[1:]
options = {
    "semicolons": {"sep": ";"},
    "euc-kr": {"encoding": "euc-kr"},
}.get(kind, {})
if kind == "zstd":
    # its own way needs a module that is in no package of Debian
    with subprocess.Popen(["zstd", "-dcq", source], stdout=subprocess.PIPE) as out:
        frame = pandas.read_csv(out.stdout, dtype=str, keep_default_na=False)
else:
    frame = pandas.read_csv(source, dtype=str, keep_default_na=False, **options)
if kind == "sums":
    frame["value"] = (frame["value"].astype(float) * 10).round().astype(int)
    frame = frame.groupby("data_channel_id", sort=True)["value"].sum().reset_index()
    frame["value"] = [f"{v // 10}.{v % 10}" for v in frame["value"]]
frame.to_csv(target, index=False)
