"""The tables of index values and index portfolios."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE index_historical (
            refdate date NOT NULL,
            index_code text NOT NULL,
            "value" numeric(38,2),
            description text,
            security_id text,
            security_id_type text,
            market_identifier text,
            "open" numeric(38,2),
            low numeric(38,2),
            high numeric(38,2),
            average numeric(38,2),
            previous_close numeric(38,2),
            "close" numeric(38,2),
            index_value numeric(38,2),
            currency text,
            oscillation numeric(38,9),
            settlement_value numeric(38,2),
            advancing bigint,
            declining bigint,
            stable bigint,
            PRIMARY KEY (refdate, index_code)
        )
        """
    )
    op.execute("CREATE INDEX index_historical_index_code ON index_historical (index_code, refdate)")
    op.execute("COMMENT ON TABLE index_historical IS 'Values of B3''s indexes, one row an index and day'")
    comments = {
        "refdate": "Day of the value (B3: day, rateValueN; TradDt)",
        "index_code": "Index, such as IBOV; test indexes (TFIX) too (B3: index; TckrSymb)",
        "value": "Daily value, by index statistics (B3: rateValueN)",
        "description": "Name in the index report (B3: AsstDesc)",
        "security_id": "B3''s instrument number (B3: OthrId)",
        "security_id_type": "Kind of instrument number (B3: Prtry)",
        "market_identifier": "Place of listing (B3: MktIdrCd)",
        "open": "Opening value (B3: OpngPric)",
        "low": "Lowest value (B3: MinPric)",
        "high": "Highest value (B3: MaxPric)",
        "average": "Average value (B3: TradAvrgPric)",
        "previous_close": "Closing value of the previous session (B3: PrvsDayClsgPric)",
        "close": "Closing value (B3: ClsgPric)",
        "index_value": "Last value, by the index report (B3: IndxVal)",
        "currency": "Currency the report labels the values with (B3: Ccy)",
        "oscillation": "Change on the previous session as published: 0.0222 is 2.22 % (B3: OscnVal)",
        "settlement_value": "Settlement value (B3: SttlmVal)",
        "advancing": "Members that rose (B3: RsngShrsNb)",
        "declining": "Members that fell (B3: FlngShrsNb)",
        "stable": "Members that did not change (B3: StblShrsNb)",
    }
    for column, comment in comments.items():
        op.execute(f"COMMENT ON COLUMN index_historical.\"{column}\" IS '{comment}'")
    op.execute(
        """
        CREATE TABLE index_composition (
            refdate date NOT NULL,
            index_code text NOT NULL,
            portfolio text NOT NULL,
            symbol text NOT NULL,
            asset text,
            specification text,
            sector text,
            weight numeric(38,3),
            sector_weight numeric(38,3),
            theoretical_quantity bigint,
            "position" bigint,
            total_weight numeric(38,3),
            total_sector_weight numeric(38,3),
            total_quantity bigint,
            reductor numeric(38,8),
            company_name text,
            spotlight text,
            start_month bigint,
            end_month bigint,
            valid_year bigint,
            PRIMARY KEY (refdate, index_code, portfolio, symbol)
        )
        """
    )
    op.execute("CREATE INDEX index_composition_index_code ON index_composition (index_code, refdate)")
    op.execute("CREATE INDEX index_composition_symbol ON index_composition (symbol, refdate)")
    op.execute("COMMENT ON TABLE index_composition IS 'Members of B3''s indexes, by portfolio'")
    comments = {
        "refdate": "Date of the portfolio; where it bears none, of the current one (B3: header.date, header.update)",
        "index_code": "Index, such as IBOV (B3: index, indexes)",
        "portfolio": "current, theoretical, or listed: the list of papers with their indexes (B3: page)",
        "symbol": "Ticker of the member (B3: cod, code)",
        "asset": "Abridged name of the member (B3: asset)",
        "specification": "Paper specification, ex-rights marks and governance level (B3: type)",
        "sector": "Sector and subsector (B3: segment)",
        "weight": "Weight in the index, % (B3: part)",
        "sector_weight": "Weight of all members of the sector, % (B3: partAcum)",
        "theoretical_quantity": "Theoretical quantity of the member (B3: theoricalQty)",
        "position": "Number that B3 gives the member in the list (B3: cont)",
        "total_weight": "Weight of all members, % (B3: header.part)",
        "total_sector_weight": "Weight of all sectors, % (B3: header.partAcum)",
        "total_quantity": "Theoretical quantity of all members (B3: header.theoricalQty)",
        "reductor": "Divisor of the index (B3: header.reductor)",
        "company_name": "Company, by the list of papers (B3: company)",
        "spotlight": "Paper specification, by the list of papers (B3: spotlight)",
        "start_month": "First month that the list is valid for (B3: header.startMonth)",
        "end_month": "Last month that the list is valid for (B3: header.endMonth)",
        "valid_year": "Year that the list is valid for (B3: header.year)",
    }
    for column, comment in comments.items():
        op.execute(f"COMMENT ON COLUMN index_composition.\"{column}\" IS '{comment}'")


def downgrade() -> None:
    op.execute("DROP TABLE index_composition")
    op.execute("DROP TABLE index_historical")
