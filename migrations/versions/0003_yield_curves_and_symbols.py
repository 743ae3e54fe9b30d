"""The tables of yield curves and symbols; what the fallbacks of futures publish beyond the price report."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE yield_curves (
            transaction_id bigint NOT NULL,
            complement text,
            record_type text NOT NULL,
            refdate date NOT NULL,
            curve_group text,
            curve_code text NOT NULL,
            description text,
            calendar_days bigint NOT NULL,
            business_days bigint,
            rate numeric(38,7),
            vertex_kind text NOT NULL,
            vertex_code text NOT NULL,
            PRIMARY KEY (refdate, curve_code, calendar_days, vertex_kind, vertex_code)
        )
        """
    )
    op.execute("CREATE INDEX yield_curves_curve_code ON yield_curves (curve_code, refdate)")
    op.execute(
        "COMMENT ON TABLE yield_curves IS 'Market rates for swaps (Taxas de Mercado para Swaps), by curve and vertex'"
    )
    comments = {
        "transaction_id": "Running number of the record in its file (B3: Identificação da transação)",
        "complement": "Complement of the transaction, 001 (B3: Complemento da transação)",
        "record_type": "Record type, 01 (B3: Tipo de registro)",
        "refdate": "Session date (B3: Data de geração do arquivo)",
        "curve_group": "Group of the curve, T1 (B3: Código das curvas a termo)",
        "curve_code": "Curve: PRE (DI x pré), DIC (DI x IPCA), DOC (clean dollar coupon), ... (B3: Código da taxa)",
        "description": "Description of the curve (B3: Descrição da taxa)",
        "calendar_days": "Calendar days to the vertex (B3: Número de dias corridos da taxa de juro)",
        "business_days": "Business days to the vertex (B3: Número de saques da taxa de juro)",
        "rate": "Rate, % a year by the curve''s convention; in price curves (PTX, ...) the price (B3: Taxa teórica)",
        "vertex_kind": "F for a fixed vertex, M for a moving one (B3: Característica do vértice)",
        "vertex_code": "Vertex code (B3: Código do vértice)",
    }
    for column, comment in comments.items():
        op.execute(f"COMMENT ON COLUMN yield_curves.\"{column}\" IS '{comment}'")
    op.execute(
        """
        CREATE TABLE symbols (
            refdate date NOT NULL,
            symbol text NOT NULL,
            asset text,
            asset_description text,
            segment text NOT NULL,
            market text NOT NULL,
            security_category text,
            maturity_date date,
            maturity_code text,
            trading_start_date date,
            trading_end_date date,
            base_code text,
            conversion_criterion text,
            maturity_target_point text,
            required_conversion boolean,
            isin text,
            cfi_code text,
            delivery_notice_start_date date,
            delivery_notice_end_date date,
            option_type text,
            contract_multiplier numeric(38,9),
            asset_quotation_quantity numeric(38,9),
            round_lot bigint,
            currency text,
            delivery_type text,
            withdrawal_days bigint,
            business_days bigint,
            calendar_days bigint,
            rollover_base_price text,
            opening_position_day text,
            side_1 text,
            underlying_symbol_1 text,
            side_2 text,
            underlying_symbol_2 text,
            pure_gold_weight numeric(38,9),
            strike numeric(38,9),
            option_style text,
            value_type text,
            premium_upfront boolean,
            opening_position_limit_date date,
            distribution_number bigint,
            quote_factor bigint,
            days_to_settlement bigint,
            series_type text,
            protected boolean,
            automatic_exercise boolean,
            specification text,
            company_name text,
            corporate_action_start_date date,
            custody_treatment text,
            market_capitalization numeric(38,2),
            governance_level text,
            source text NOT NULL,
            PRIMARY KEY (refdate, symbol, segment, market)
        )
        """
    )
    op.execute("CREATE INDEX symbols_symbol ON symbols (symbol, refdate)")
    op.execute("COMMENT ON TABLE symbols IS 'Instruments as registered on a day, of every market and segment'")
    comments = {
        "refdate": "Report date (B3: RptDt)",
        "symbol": "Ticker (B3: TckrSymb)",
        "asset": "Asset: the underlying paper, index or commodity (B3: Asst)",
        "asset_description": "Description of the asset (B3: AsstDesc)",
        "segment": "Segment as published; for equities B3 has the market here: CASH, ODD LOT, ... (B3: SgmtNm)",
        "market": "Market as published; for equities B3 has the segment here: EQUITY-CASH, ... (B3: MktNm)",
        "security_category": "Security category: SHARES, FUNDS, BDR, ...; in IN B3''s code for it (B3: SctyCtgyNm)",
        "maturity_date": "Expiration date (B3: XprtnDt)",
        "maturity_code": "Expiration code, such as month letter and two-digit year (B3: XprtnCd)",
        "trading_start_date": "First day of trading (B3: TradgStartDt)",
        "trading_end_date": "Last day of trading; 9999-12-31 for none (B3: TradgEndDt)",
        "base_code": "Day-count base (B3: BaseCd)",
        "conversion_criterion": "Criterion of conversion; in IN B3''s code for it (B3: ConvsCritNm)",
        "maturity_target_point": "Target point of the maturity date (B3: MtrtyDtTrgtPt)",
        "required_conversion": "Whether conversion is required (B3: ReqrdConvsInd)",
        "isin": "ISIN (B3: ISIN)",
        "cfi_code": "Classification of the instrument (ISO 10962) (B3: CFICd)",
        "delivery_notice_start_date": "First day of delivery notices (B3: DlvryNtceStartDt)",
        "delivery_notice_end_date": "Last day of delivery notices (B3: DlvryNtceEndDt)",
        "option_type": "Call or Put (B3: OptnTp)",
        "contract_multiplier": "Contract multiplier (B3: CtrctMltplr)",
        "asset_quotation_quantity": "Quantity of the asset that a price is quoted for (B3: AsstQtnQty)",
        "round_lot": "Round lot (B3: AllcnRndLot)",
        "currency": "Currency of trading (B3: TradgCcy)",
        "delivery_type": "Financial or physical delivery; in IN B3''s code for it (B3: DlvryTpNm)",
        "withdrawal_days": "Reserve days (dias de saque) to the expiration (B3: WdrwlDays)",
        "business_days": "Business days to the expiration (B3: WrkgDays)",
        "calendar_days": "Calendar days to the expiration (B3: ClnrDays)",
        "rollover_base_price": "Base price of a rollover; in IN B3''s code for it (B3: RlvrBasePricNm)",
        "opening_position_day": "Day a strategy opens the futures position (B3: OpngFutrPosDay)",
        "side_1": "Side of a strategy''s first leg; NULL from IN (B3: SdTpCd1)",
        "underlying_symbol_1": "Ticker of a strategy''s first leg; NULL from IN (B3: UndrlygTckrSymb1)",
        "side_2": "Side of a strategy''s second leg; NULL from IN (B3: SdTpCd2)",
        "underlying_symbol_2": "Ticker of a strategy''s second leg; NULL from IN (B3: UndrlygTckrSymb2)",
        "pure_gold_weight": "Weight of pure gold, g (B3: PureGoldWght)",
        "strike": "Exercise price (B3: ExrcPric)",
        "option_style": "AMER or EURO (B3: OptnStyle)",
        "value_type": "What is quoted: price or rate; in IN B3''s code for it (B3: ValTpNm)",
        "premium_upfront": "Whether the premium is paid upfront (B3: PrmUpfrntInd)",
        "opening_position_limit_date": "Last day to open a position (B3: OpngPosLmtDt)",
        "distribution_number": "Distribution number of the paper (B3: DstrbtnId)",
        "quote_factor": "Papers a price is quoted for: 1 or 1000 (B3: PricFctr)",
        "days_to_settlement": "Days to settlement (B3: DaysToSttlm)",
        "series_type": "Type of an option''s series; in IN B3''s code for it (B3: SrsTpNm)",
        "protected": "Whether an option is protected against distributions (B3: PrtcnFlg)",
        "automatic_exercise": "Whether an option is exercised automatically (B3: AutomtcExrcInd)",
        "specification": "Specification of the paper, ex-rights marks and governance level (B3: SpcfctnCd)",
        "company_name": "Company or fund (B3: CrpnNm)",
        "corporate_action_start_date": "First day of a corporate action; 9999-12-31 for none (B3: CorpActnStartDt)",
        "custody_treatment": "Treatment in custody: FUNGIBLE, ...; in IN B3''s code for it (B3: CtdyTrtmntTpNm)",
        "market_capitalization": "As B3 calls it; for equities the number of papers issued (B3: MktCptlstn)",
        "governance_level": "Corporate governance level; in IN B3''s code for it (B3: CorpGovnLvlNm)",
        "source": "The file the row came from: InstrumentsConsolidated or IN (B3: file)",
    }
    for column, comment in comments.items():
        op.execute(f"COMMENT ON COLUMN symbols.\"{column}\" IS '{comment}'")
    op.execute("ALTER TABLE futures ADD COLUMN isin text")
    op.execute("ALTER TABLE futures ADD COLUMN segment text")
    op.execute("ALTER TABLE futures ADD COLUMN reference_price numeric(38,9)")
    comments = {
        "isin": "ISIN (B3: ISIN)",
        "segment": "Segment: FINANCIAL, AGRIBUSINESS, ... (B3: SgmtNm)",
        "reference_price": "Reference price (B3: RefPric)",
        "source": "The file the row came from: SPRD, PR, TradeInformationConsolidated or BDI (B3: file)",
        "settlement_value": "Settlement value of one contract, signed, R$: as published, else by the contract''s size "
        "where that is fixed (B3: AdjstdValCtrct)",
    }
    for column, comment in comments.items():
        op.execute(f"COMMENT ON COLUMN futures.\"{column}\" IS '{comment}'")


def downgrade() -> None:
    for column in ("isin", "segment", "reference_price"):
        op.execute(f"ALTER TABLE futures DROP COLUMN {column}")
    comments = {
        "source": "The file the row came from: SPRD or PR (B3: file)",
        "settlement_value": "Settlement value of one contract as published (B3: AdjstdValCtrct)",
    }
    for column, comment in comments.items():
        op.execute(f"COMMENT ON COLUMN futures.{column} IS '{comment}'")
    op.execute("DROP TABLE symbols")
    op.execute("DROP TABLE yield_curves")
