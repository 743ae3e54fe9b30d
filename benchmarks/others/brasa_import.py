"""brasa: a local file imported into its store, then processed to Parquet."""

import os
import tempfile

from fields import ZIP

with tempfile.TemporaryDirectory() as folder:
    os.environ["BRASA_DATA_PATH"] = folder
    import brasa

    brasa.import_marketdata("b3-cotahist-yearly", path=ZIP, year=2024, verbosity=brasa.Verbosity.QUIET)
    brasa.process_marketdata("b3-cotahist-yearly", verbosity=brasa.Verbosity.QUIET)
    print(brasa.get_dataset("b3-cotahist-yearly").count_rows())
