"""The daily bulletin's export of consolidated trades in derivatives: a CSV for people, in Portuguese."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from .draws import Draws
from .instruments import Instrument, instruments
from .settlements import exchange, settlement

# As PYield reads them; that this is also their order in the file is not confirmed.
COLUMNS = (
    "Instrumento financeiro;Código ISIN;Segmento;Preço de abertura;Preço mínimo;Preço máximo;Preço médio;"
    "Preço de fechamento;Última oferta de compra;Última oferta de venda;Oscilação;Variação;Ajuste;Preço de referência;"
    "Ajuste de referência;Valor do ajuste por contrato (R$);Quantidade de negócios;Quantidade de contratos;"
    "Volume financeiro"
).split(";")
# Three public projects skip two lines before the header; other tables have up to seven.
_DESCRIPTION = (
    "Negócios consolidados do pregão - Derivativos: preços, ajustes e volumes dos instrumentos negociados em {day}",
    "",
    "Os dados são atualizados após o encerramento da sessão de negociação",
    "Consulte o glossário para a descrição das colunas",
    "Fonte: B3",
    "",
    "",
)
NOTHING = "Nenhum resultado"
# Some of the 69 tables that the catalogue listed in October 2026.
TABLES = (
    "ConsolidatedTradesDerivatives", "ConsolidatedTradesEquities", "InstrumentsDerivatives", "InstrumentsEquities",
    "OpenPositionsEquities", "BTBLoanBalance", "BTBTrade", "SharesInvesVolum", "EconomicIndicators", "Trade",
)  # fmt: skip


def _header(day: date, lines: int) -> list[str]:
    return [line.format(day=f"{day:%d/%m/%Y}") for line in _DESCRIPTION[:lines]]


def derivatives_bulletin(day: date, rows: int = 500, seed: int = 0, *, description_lines: int = 2) -> bytes:
    """UTF-8 with BOM, `1.234,56`, and `-` where there is nothing."""
    lines = [*_header(day, description_lines), ";".join(COLUMNS)]
    lines += [_row(found, day, seed) for found in instruments(day, rows) if found.contract or found.block[:4] == "Optn"]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def empty_bulletin(day: date, *, description_lines: int = 2) -> bytes:
    """What B3 answers for a day without session or no longer kept: 200, the description and this."""
    return ("\ufeff" + "\r\n".join([*_header(day, description_lines), NOTHING]) + "\r\n").encode()


def classifications(tables: Iterable[str]) -> list[dict[str, Any]]:
    """The bulletin's catalogue. That it nests like this is not confirmed; the names of its values are."""
    listed = [
        {
            "name": name,
            "hasHistory": True,
            "configuration": {"SLA": "21:00", "NextDayDate": False, "limitDate": "D-21"},
        }
        for name in tables
    ]
    return [{"name": "Boletim Diário do Mercado", "children": listed}]


def grouped(value: float | None, decimals: int) -> str:
    """`1.234,56`, or `-` for none."""
    if value is None:
        return "-"
    return f"{value:,.{decimals}f}".translate(str.maketrans(",.", ".,"))


def _row(found: Instrument, day: date, seed: int) -> str:
    head = [found.symbol, found.isin, found.columns["SgmtNm"]]
    if found.contract is None:
        price = 0.5 + 3 * Draws("traded", found.symbol, day, seed).unit()
        return ";".join([*head, *["-"] * 10, grouped(price, 2), *["-"] * 5])
    family, settled = found.contract.family, settlement(found.contract, day, seed)
    trading = settled.trading
    decimals = family.decimals
    settled_decimals = 2 if family.in_rate else decimals
    prices: list[float | None] = [None] * 7
    counts = ["-", "-", "-"]
    if trading:
        spread = 0.01 if family.in_rate else 10.0**-decimals
        prices = [trading.open, trading.low, trading.high, trading.average, trading.last]
        prices += [trading.last - spread, trading.last + spread]
        volume = trading.quantity * (settled.price or 100_000) * family.multiplier
        counts = [grouped(trading.trades, 0), grouped(trading.quantity, 0), grouped(volume, 2)]
    change = value = None
    if settled.price is not None and settled.previous_price is not None:
        change = settled.price - settled.previous_price
        value = abs(change) * family.multiplier * (exchange(day, seed) if family.currency == "USD" else 1)
    oscillation = Draws("oscillation", found.symbol, day, seed).around(2) if trading else None
    return ";".join(
        [
            *head, *(grouped(price, decimals) for price in prices), grouped(oscillation, 2),
            grouped(change, settled_decimals), grouped(settled.price, settled_decimals), "-", grouped(settled.rate, 3),
            grouped(value, 2), *counts,
        ]
    )  # fmt: skip
