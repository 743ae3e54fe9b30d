"""dlt: records merged by the key."""

import os
import tempfile

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt
from fields import KEY, URL, rows

count = 0


def counted():
    global count
    for row in rows():
        count += 1
        yield row


with tempfile.TemporaryDirectory() as folder:
    pipeline = dlt.pipeline(
        "peer", pipelines_dir=folder, dataset_name="peer_dlt", destination=dlt.destinations.postgres(URL)
    )
    pipeline.run(counted(), table_name="cotahist", write_disposition="merge", primary_key=KEY)
print(count)
