"""The layout, once for all who have to be told it."""

import sys

TEXT, ZIP, URL = sys.argv[1:]
# Name, first position, width, decimals (None for text, "date" for dates).
FIELDS = [
    ("record_type", 1, 2, None), ("refdate", 3, 8, "date"), ("bdi_code", 11, 2, None), ("symbol", 13, 12, None),
    ("market_type", 25, 3, 0), ("company_name", 28, 12, None), ("specification", 40, 10, None),
    ("term_days", 50, 3, 0), ("currency", 53, 4, None), ("open", 57, 13, 2), ("high", 70, 13, 2), ("low", 83, 13, 2),
    ("average", 96, 13, 2), ("close", 109, 13, 2), ("best_bid", 122, 13, 2), ("best_ask", 135, 13, 2),
    ("trades", 148, 5, 0), ("quantity", 153, 18, 0), ("volume", 171, 18, 2), ("strike", 189, 13, 2),
    ("strike_correction", 202, 1, 0), ("maturity_date", 203, 8, "date"), ("quote_factor", 211, 7, 0),
    ("strike_in_points", 218, 13, 6), ("isin", 231, 12, None), ("distribution_number", 243, 3, 0),
]  # fmt: skip
KEY = ["refdate", "symbol", "bdi_code", "market_type", "term_days"]


def rows():
    """Records as dictionaries, in a loop, as most programs read them."""
    from datetime import datetime
    from decimal import Decimal

    with open(TEXT, encoding="latin-1") as lines:
        for line in lines:
            if not line.startswith("01"):
                continue
            row = {}
            for name, first, width, kind in FIELDS:
                text = line[first - 1 : first - 1 + width].strip()
                if kind is None:
                    row[name] = text or None
                elif kind == "date":
                    row[name] = datetime.strptime(text, "%Y%m%d").date()
                else:
                    row[name] = Decimal(text or "0").scaleb(-kind) if kind else int(text or "0")
            yield row
