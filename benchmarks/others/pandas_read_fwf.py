"""pandas: read_fwf and to_sql, floats, appended."""

from datetime import datetime

import pandas as pd
from fields import FIELDS, TEXT, URL
from sqlalchemy import create_engine

places = [(first - 1, first - 1 + width) for _, first, width, _ in FIELDS]
names = [name for name, *_ in FIELDS]
dtypes = {name: str for name, _, _, kind in FIELDS if kind in (None, "date")}
frame = pd.read_fwf(TEXT, colspecs=places, names=names, dtype=dtypes, encoding="latin-1", skiprows=1, skipfooter=1)
for name, _, _, kind in FIELDS:
    if kind == "date":
        frame[name] = [datetime.strptime(text, "%Y%m%d").date() for text in frame[name]]
    elif kind:
        frame[name] = frame[name] / 10**kind
frame["term_days"] = frame["term_days"].fillna(0)
engine = create_engine("postgresql+psycopg://" + URL.split("://", 1)[1])
frame.to_sql("peer", engine, if_exists="append", index=False, method="multi", chunksize=2_000)
print(len(frame))
