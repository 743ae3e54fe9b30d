"""Format-exact files of every kind that B3 publishes; the same day and seed give the same bytes.

A file shows the same tickers and values as the others of its day: a DI1 settles at the PRE curve's rate, an index
closes in its report where its page says, an option in COTAHIST is registered among the instruments.
"""

from .archive import EMPTY_ZIP, merged, nested, packed, rewritten, self_extracting, streamed, zipped
from .bulletin import TABLES, classifications, derivatives_bulletin, empty_bulletin
from .cotahist import FIELDS, cotahist, cotahist_stream, cotahist_zip, member_name, quote, replace_field, trailer_count
from .daily_files import instruments_consolidated, trade_information
from .dates import business_days
from .index_pages import index_year, page_of, pages, portfolio_day, stock_index, theoretical_portfolio
from .index_report import index_report, index_report_zip
from .indexes import index_value, indexes
from .instrument_file import instrument_file, instrument_file_zip
from .price_report import price_report, price_report_zip, write_price_report
from .swap_rates import swap_rates, swap_rates_zip

__all__ = [
    "EMPTY_ZIP",
    "FIELDS",
    "TABLES",
    "business_days",
    "classifications",
    "cotahist",
    "cotahist_stream",
    "cotahist_zip",
    "derivatives_bulletin",
    "empty_bulletin",
    "index_report",
    "index_report_zip",
    "index_value",
    "index_year",
    "indexes",
    "instrument_file",
    "instrument_file_zip",
    "instruments_consolidated",
    "member_name",
    "merged",
    "nested",
    "packed",
    "page_of",
    "pages",
    "portfolio_day",
    "price_report",
    "price_report_zip",
    "quote",
    "replace_field",
    "rewritten",
    "self_extracting",
    "stock_index",
    "streamed",
    "swap_rates",
    "swap_rates_zip",
    "theoretical_portfolio",
    "trade_information",
    "trailer_count",
    "write_price_report",
    "zipped",
]
