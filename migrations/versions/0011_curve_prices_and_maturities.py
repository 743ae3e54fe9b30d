"""Prices of curves in a column of their own; a view of futures with the maturities of the list of symbols."""

from alembic import op
from sqlalchemy import text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# By description and values of the file of 2019-09-10; the last line by its descriptions in other files (Juro, Cupom).
_RATES = """
    PRE APR SLP TR TP TFP TJP DP DIC DIM DOC DOL DCO ACC DCL DPL DGL LIB EUC ECC YCC YCL YCS CYI
    TIC TIM TLF TPR 010 021 072 076 077 095
    DCP LEU LJP ZEU ZMX ZUS
""".split()
_PRICES = """
    PTX EUR JPY RLI RFS RDA RDC RYN RPM RPL RRA RYR RZE ARB
    AUD CAD CHF CLP CNH CNY DEU DYE GBP MXN NOK NZD SEK TRY ZAR RUB ARS
    SAB SAM SAC SJC SFI ACF WTI INP BRP SBP HAN FTS MIC BVA SMA MLA BRA CMO FIN GOV MOB SUS ITC IAS IPS
""".split()
_CURVES = {
    "rate": "Rate, % a year by the curve''s convention; NULL where the curve is not known to be one of rates",
    "price": "Price or level of a curve that is known to be one of prices: PTX, INP, ...; else NULL",
    "value": "Value of a curve that is not known to be one of rates or of prices; else NULL",
}
_RATE_BEFORE = "Rate, % a year by the curve''s convention; in price curves (PTX, ...) the price"


_MATURITY = "Maturity by the family''s rule; NULL where no rule is certain"
_IN_VIEW = {
    "maturity_date": "Maturity by the family''s rule, else as that day''s list of symbols has it",
    "maturity_source": "Where maturity_date is from: rule or symbols; NULL where it is not known",
}


def upgrade() -> None:
    op.execute("ALTER TABLE yield_curves ADD COLUMN price numeric(38,7), ADD COLUMN value numeric(38,7)")
    op.execute(
        text(
            """
            UPDATE yield_curves
            SET rate = NULL,
                price = CASE WHEN curve_code = ANY(:prices) THEN rate END,
                value = CASE WHEN curve_code <> ALL(:prices) THEN rate END
            WHERE curve_code <> ALL(:rates)
            """
        ).bindparams(prices=_PRICES, rates=_RATES)
    )
    for column, words in _CURVES.items():
        op.execute(f"COMMENT ON COLUMN yield_curves.{column} IS '{words} (B3: Taxa teórica)'")
    then = "the view futures_with_maturities then has that of the list of symbols"
    op.execute(f"COMMENT ON COLUMN futures.maturity_date IS '{_MATURITY}: {then} (B3: TckrSymb)'")
    # The row security of both tables holds for whoever reads the view. A ticker may be listed more than once a day: of
    # two dates neither is taken. For equities B3 has the market in the column of the segment.
    op.execute(
        """
        CREATE VIEW futures_with_maturities WITH (security_invoker = true) AS
        SELECT
            f.refdate,
            f.symbol,
            f.commodity,
            f.maturity_code,
            coalesce(f.maturity_date, listed.maturity_date) AS maturity_date,
            f.security_id,
            f.security_id_type,
            f.market_identifier,
            f.days_to_settlement,
            f.trades,
            f.market_data_stream,
            f.volume,
            f.volume_usd,
            f.open_interest,
            f.quantity,
            f.best_bid,
            f.best_ask,
            f.open,
            f.low,
            f.high,
            f.average,
            f.close,
            f.regular_trades,
            f.nonregular_trades,
            f.regular_quantity,
            f.nonregular_quantity,
            f.regular_volume,
            f.nonregular_volume,
            f.regular_volume_usd,
            f.nonregular_volume_usd,
            f.price,
            f.currency,
            f.settlement_rate,
            f.settlement_situation,
            f.previous_price,
            f.previous_settlement_rate,
            f.previous_settlement_situation,
            f.price_change,
            f.oscillation,
            f.variation_points,
            f.equivalent_value,
            f.settlement_value,
            f.max_trade_limit,
            f.min_trade_limit,
            f.source,
            f.isin,
            f.segment,
            f.reference_price,
            f.occurrence,
            f.ingestion_id,
            CASE
                WHEN f.maturity_date IS NOT NULL THEN 'rule'
                WHEN listed.maturity_date IS NOT NULL THEN 'symbols'
            END AS maturity_source
        FROM futures f
        LEFT JOIN LATERAL (
            SELECT CASE WHEN min(s.maturity_date) = max(s.maturity_date) THEN min(s.maturity_date) END AS maturity_date
            FROM symbols s
            WHERE f.maturity_date IS NULL
                AND s.refdate = f.refdate
                AND s.symbol = f.symbol
                AND 'FUTURE' IN (s.market, s.segment)
        ) listed ON true
        """
    )
    op.execute(
        "COMMENT ON VIEW futures_with_maturities IS 'Futures, each with the maturity that is known and its source'"
    )
    for column, words in _IN_VIEW.items():
        op.execute(f"COMMENT ON COLUMN futures_with_maturities.{column} IS '{words}'")


def downgrade() -> None:
    op.execute("DROP VIEW futures_with_maturities")
    op.execute(f"COMMENT ON COLUMN futures.maturity_date IS '{_MATURITY} (B3: TckrSymb)'")
    op.execute("UPDATE yield_curves SET rate = coalesce(price, value) WHERE rate IS NULL")
    op.execute("ALTER TABLE yield_curves DROP COLUMN price, DROP COLUMN value")
    op.execute(f"COMMENT ON COLUMN yield_curves.rate IS '{_RATE_BEFORE} (B3: Taxa teórica)'")
