"""dlt, merge by the key"""

import os
import tempfile

import dlt
from fields import KEY, URL, rows

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
with tempfile.TemporaryDirectory() as folder:
    pipeline = dlt.pipeline(
        "peer", pipelines_dir=folder, dataset_name="peer_dlt", destination=dlt.destinations.postgres(URL)
    )
    pipeline.run(rows(), table_name="cotahist", write_disposition="merge", primary_key=KEY)
