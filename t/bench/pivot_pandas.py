"""pandas' way from a narrow CSV to a wide one: pivot_pandas.py IN OUT. Values stay text."""

import sys

import pandas

narrow = pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)
wide = narrow.pivot(index="created_time", columns="data_channel_id", values="value")
wide.to_csv(sys.argv[2])
