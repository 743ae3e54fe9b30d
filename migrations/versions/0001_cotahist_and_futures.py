"""Tables of cotahist and futures."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE cotahist (
            record_type text NOT NULL,
            refdate date NOT NULL,
            bdi_code text NOT NULL,
            symbol text NOT NULL,
            market_type bigint NOT NULL,
            company_name text,
            specification text,
            term_days bigint NOT NULL,
            currency text,
            "open" numeric(38,2),
            high numeric(38,2),
            low numeric(38,2),
            average numeric(38,2),
            "close" numeric(38,2),
            best_bid numeric(38,2),
            best_ask numeric(38,2),
            trades bigint,
            quantity bigint,
            volume numeric(38,2),
            strike numeric(38,2),
            strike_correction bigint,
            maturity_date date,
            quote_factor bigint,
            strike_in_points numeric(38,6),
            isin text,
            distribution_number bigint,
            PRIMARY KEY (refdate, symbol, bdi_code, market_type, term_days)
        )
        """
    )
    op.execute("CREATE INDEX cotahist_symbol ON cotahist (symbol, refdate)")
    op.execute("COMMENT ON TABLE cotahist IS 'Historical quotes of the cash, odd-lot, term and option markets'")
    comments = {
        "record_type": "Record type, 01 for a quote (B3: TIPREG)",
        "refdate": "Session date (B3: DATPRE)",
        "bdi_code": "BDI code: 02 round lot, 96 odd lot, 78 calls, ... (B3: CODBDI)",
        "symbol": "Ticker (B3: CODNEG)",
        "market_type": "10 cash, 20 odd lot, 30 term, 70 calls, 80 puts, ... (B3: TPMERC)",
        "company_name": "Abridged company name (B3: NOMRES)",
        "specification": "Paper specification, ex-rights marks and governance level (B3: ESPECI)",
        "term_days": "Term in days; 0 where there is none (B3: PRAZOT)",
        "currency": "Reference currency as labelled (B3: MODREF)",
        "open": "Opening price (B3: PREABE)",
        "high": "Highest price (B3: PREMAX)",
        "low": "Lowest price (B3: PREMIN)",
        "average": "Average price (B3: PREMED)",
        "close": "Last traded price (B3: PREULT)",
        "best_bid": "Best bid; 0 where there is none (B3: PREOFC)",
        "best_ask": "Best ask; 0 where there is none (B3: PREOFV)",
        "trades": "Number of trades (B3: TOTNEG)",
        "quantity": "Number of papers traded (B3: QUATOT)",
        "volume": "Traded volume in currency (B3: VOLTOT)",
        "strike": "Strike price; 0 where there is none (B3: PREEXE)",
        "strike_correction": "Strike correction: 0 none, 1 US$, ... (B3: INDOPC)",
        "maturity_date": "Maturity; 9999-12-31 where there is none (B3: DATVEN)",
        "quote_factor": "Papers a price is quoted for: 1 or 1000 (B3: FATCOT)",
        "strike_in_points": "Strike in points (B3: PTOEXE)",
        "isin": "ISIN; before 1995-05-15 an internal code (B3: CODISI)",
        "distribution_number": "Distribution number of the paper (B3: DISMES)",
    }
    for column, comment in comments.items():
        op.execute(f"COMMENT ON COLUMN cotahist.\"{column}\" IS '{comment}'")
    op.execute(
        """
        CREATE TABLE futures (
            refdate date NOT NULL,
            symbol text NOT NULL,
            commodity text NOT NULL,
            maturity_code text NOT NULL,
            maturity_date date,
            security_id text,
            security_id_type text,
            market_identifier text,
            days_to_settlement bigint,
            trades bigint,
            market_data_stream text,
            volume numeric(38,2),
            volume_usd numeric(38,2),
            open_interest bigint,
            quantity bigint,
            best_bid numeric(38,9),
            best_ask numeric(38,9),
            "open" numeric(38,9),
            low numeric(38,9),
            high numeric(38,9),
            average numeric(38,9),
            "close" numeric(38,9),
            regular_trades bigint,
            nonregular_trades bigint,
            regular_quantity bigint,
            nonregular_quantity bigint,
            regular_volume numeric(38,2),
            nonregular_volume numeric(38,2),
            regular_volume_usd numeric(38,2),
            nonregular_volume_usd numeric(38,2),
            price numeric(38,9),
            currency text,
            settlement_rate numeric(38,9),
            settlement_situation text,
            previous_price numeric(38,9),
            previous_settlement_rate numeric(38,9),
            previous_settlement_situation text,
            price_change numeric(38,9),
            oscillation numeric(38,9),
            variation_points numeric(38,9),
            equivalent_value numeric(38,9),
            settlement_value numeric(38,9),
            max_trade_limit numeric(38,9),
            min_trade_limit numeric(38,9),
            PRIMARY KEY (refdate, symbol)
        )
        """
    )
    op.execute("CREATE INDEX futures_symbol ON futures (symbol, refdate)")
    op.execute(
        "COMMENT ON TABLE futures IS 'Listed futures, single-stock futures included, with settlement prices and rates'"
    )
    comments = {
        "refdate": "Session date of the row (B3: TradDt)",
        "symbol": "Ticker (B3: TckrSymb)",
        "commodity": "Ticker without its maturity code (B3: TckrSymb)",
        "maturity_code": "Month letter and two-digit year (B3: TckrSymb)",
        "maturity_date": "Maturity by the family''s rule; NULL where no rule is certain (B3: TckrSymb)",
        "security_id": "B3''s instrument number (B3: OthrId)",
        "security_id_type": "Kind of instrument number (B3: Prtry)",
        "market_identifier": "Place of listing (B3: MktIdrCd)",
        "days_to_settlement": "Days to settlement (B3: DaysToSttlm)",
        "trades": "Number of trades (B3: TradQty)",
        "market_data_stream": "Market data stream (B3: MktDataStrmId)",
        "volume": "Volume, R$ (B3: NtlFinVol)",
        "volume_usd": "Volume, US$ (B3: IntlFinVol)",
        "open_interest": "Open contracts (B3: OpnIntrst)",
        "quantity": "Contracts traded (B3: FinInstrmQty)",
        "best_bid": "Best bid (B3: BestBidPric)",
        "best_ask": "Best ask (B3: BestAskPric)",
        "open": "Opening price or rate (B3: FrstPric)",
        "low": "Lowest price or rate (B3: MinPric)",
        "high": "Highest price or rate (B3: MaxPric)",
        "average": "Average price or rate (B3: TradAvrgPric)",
        "close": "Last price or rate (B3: LastPric)",
        "regular_trades": "Regular trades (B3: RglrTxsQty)",
        "nonregular_trades": "Non-regular trades (B3: NonRglrTxsQty)",
        "regular_quantity": "Contracts in regular trades (B3: RglrTraddCtrcts)",
        "nonregular_quantity": "Contracts in non-regular trades (B3: NonRglrTraddCtrcts)",
        "regular_volume": "Regular volume, R$ (B3: NtlRglrVol)",
        "nonregular_volume": "Non-regular volume, R$ (B3: NtlNonRglrVol)",
        "regular_volume_usd": "Regular volume, US$ (B3: IntlRglrVol)",
        "nonregular_volume_usd": "Non-regular volume, US$ (B3: IntlNonRglrVol)",
        "price": "Settlement price (B3: AdjstdQt)",
        "currency": "Currency of the settlement price (B3: Ccy)",
        "settlement_rate": "Settlement rate, % a year (B3: AdjstdQtTax)",
        "settlement_situation": "Situation of the settlement price (B3: AdjstdQtStin)",
        "previous_price": "Settlement price of the previous session (B3: PrvsAdjstdQt)",
        "previous_settlement_rate": "Settlement rate of the previous session, % a year (B3: PrvsAdjstdQtTax)",
        "previous_settlement_situation": "Situation of the previous settlement price (B3: PrvsAdjstdQtStin)",
        "price_change": "price less previous_price (B3: AdjstdQt)",
        "oscillation": "Oscillation, % (B3: OscnPctg)",
        "variation_points": "Variation in points as published (B3: VartnPts)",
        "equivalent_value": "Equivalent value (B3: EqvtVal)",
        "settlement_value": "Settlement value of one contract as published (B3: AdjstdValCtrct)",
        "max_trade_limit": "Upper trading limit (B3: MaxTradLmt)",
        "min_trade_limit": "Lower trading limit (B3: MinTradLmt)",
    }
    for column, comment in comments.items():
        op.execute(f"COMMENT ON COLUMN futures.\"{column}\" IS '{comment}'")


def downgrade() -> None:
    op.execute("DROP TABLE cotahist")
    op.execute("DROP TABLE futures")
