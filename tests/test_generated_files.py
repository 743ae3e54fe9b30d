"""XML reports and JSON pages with any values come back as they were: values, NULLs and the order of rows."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pyb3.datasets import registry
from pyb3.template import Field, Format, Template
from tests.support.agreement import agreed
from tests.support.seeds import seeds

SOME = settings(max_examples=max(settings().max_examples // 4, 1))
_letters = st.characters(codec="utf-8", exclude_categories=["C", "Z"])
_words = st.builds(lambda first, rest: (first + rest).strip(), _letters, st.text(_letters | st.just(" "), max_size=8))


def _values(field: Field, template: Template) -> st.SearchStrategy[Any]:
    """Values of a field, and None where it may be blank."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "text": _words,
        "integer": st.integers(-(10**17), 10**17),
        "decimal": st.integers(-(10**22), 10**22).map(lambda units: Decimal(f"{units}e-{field.decimals}")),
        "date": st.dates(date(1970, 1, 1), date(2068, 12, 31)),
        "boolean": st.booleans(),
    }  # fmt: skip
    if field.name == "symbol":
        return st.sampled_from(("DI1F27", "DOLG24", "PETRPG24", "WINJ25"))
    return kinds[field.type] if not field.nullable or field.name in template.key else st.none() | kinds[field.type]


def _rows(template: Template, form: Format, most: int = 3) -> st.SearchStrategy[list[dict[str, Any]]]:
    names = [name for name in template.names(form.name) if name != "currency"]
    row = st.fixed_dictionaries({name: _values(template.field(name), template) for name in names})
    return st.lists(row, min_size=1, max_size=most)


def _text(value: Any, point: str = ".", mark: str = "", written: str = "%Y-%m-%d") -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:,f}".replace(",", "_").replace(".", point).replace("_", mark)
        case int():
            return f"{value:,}".replace(",", mark)
        case date():
            return value.strftime(written)
        case _:
            return str(value)


def _put(parent: Any, path: str, text: str, currency: str | None) -> None:
    *above, last = path.replace("*", "Any").split("/")
    for tag in above:
        found = parent.find(f"{{*}}{tag}")
        parent = etree.SubElement(parent, tag) if found is None else found
    etree.SubElement(parent, last, {} if currency is None else {"Ccy": currency}).text = text


@pytest.mark.parametrize(("dataset", "format"), [("futures", "price_report"), ("index_historical", "index_report")])
@given(data=st.data(), blank=st.sampled_from(("", " ", "\n\t")), comments=st.booleans())
@SOME
def test_messages_come_back_as_they_were(
    dataset: str, format: str, data: st.DataObject, blank: str, comments: bool
) -> None:
    template = registry.get(dataset).template
    form = template.formats[format]
    rows = data.draw(_rows(template, form))
    root = etree.Element("Document")
    etree.SubElement(root, "TtlNbOfMsg").text = str(len(rows))
    for row in rows:
        message = etree.SubElement(
            etree.SubElement(root, form.options["group"]), f"{{{form.options['namespace']}}}{form.options['message']}"
        )
        row["currency"], currency = None, data.draw(st.sampled_from(("BRL", "USD")))
        for name, places in template.names(form.name).items():
            place, _, own = places[0].partition("@")
            if row[name] is None or not place:
                continue
            priced = template.field(name).type == "decimal"
            if priced and not own:
                row["currency"] = currency
            _put(message, place, f"{blank}{_text(row[name])}{blank}", (own or currency) if priced else None)
        if comments:
            for leaf in [leaf for leaf in message.iter() if len(leaf) == 0]:
                leaf.insert(0, etree.Comment("read"))
    wanted = [tuple(row[name] for name in template.names(form.name)) for row in rows]
    found = agreed(
        template, form, etree.tostring(root), chunk=data.draw(st.integers(1, 5)), piece=data.draw(st.integers(3, 99))
    )
    assert found == wanted


_LANGUAGES = {"en-us": (".", ",", "%m/%d/%y"), "pt-br": (",", ".", "%d/%m/%y")}


def _cell(value: Any, plain: bool, language: str) -> Any:
    """A JSON value: a text in the language, or a number as JSON writes it."""
    if value is None or (plain and isinstance(value, bool)):
        return value
    if plain and isinstance(value, int):
        return value
    return f" {_text(value, *_LANGUAGES[language])} "


@pytest.mark.parametrize("format", ["current", "theoretical"])
@given(data=st.data(), language=st.sampled_from(sorted(_LANGUAGES)))
@SOME
def test_records_come_back_as_they_were(format: str, data: st.DataObject, language: str) -> None:
    template = registry.get("index_composition").template
    form = template.formats[format]
    rows = data.draw(_rows(template, form))
    answer: dict[str, Any] = {"page": {"totalRecords": len(rows), "totalPages": 1}, "header": {}, "results": []}
    places = template.columns(form.name)
    for name, place in places.items():
        if place.startswith("header/"):
            for row in rows:
                row[name] = rows[0][name]
            answer["header"][place.removeprefix("header/")] = _cell(rows[0][name], data.draw(st.booleans()), language)
    for row in rows:
        answer["results"].append({
            place.removeprefix("results/"): _cell(row[name], data.draw(st.booleans()), language)
            for name, place in places.items() if place.startswith("results/")
        })  # fmt: skip
    text = json.dumps(answer, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from((None, 1))))
    found = agreed(template, form, text.encode(), {"language": language})
    assert found == [tuple(row[name] for name in places) for row in rows]


@given(
    year=st.integers(1997, 2050),
    cells=st.dictionaries(st.dates(date(2000, 1, 1), date(2000, 12, 31)), st.integers(0, 10**15), min_size=1),
    language=st.sampled_from(sorted(_LANGUAGES)),
    days=st.permutations(range(1, 32)),
)
@SOME
def test_the_days_of_a_year_come_back_in_order(year: int, cells: Any, language: str, days: list[int]) -> None:
    template = registry.get("index_historical").template
    values = {day: Decimal(units).scaleb(-2) for day, units in cells.items() if (day.month, day.day) != (2, 29)}
    results: list[dict[str, Any]] = [{"day": day} for day in days]
    for day, value in values.items():
        results[days.index(day.day)][f"rateValue{day.month}"] = _cell(value, False, language)
    body = json.dumps({"results": results}).encode()
    found = agreed(template, template.formats["statistics"], body, {"language": language, "year": year})
    assert found == [(day.replace(year=year), values[day]) for day in sorted(values)]


def test_a_value_beside_a_comment_is_read() -> None:
    template = registry.get("futures").template
    report = etree.Element("Document")
    etree.SubElement(report, "TtlNbOfMsg").text = "1"
    message = etree.SubElement(etree.SubElement(report, "BizGrp"), "{urn:bvmf.217.01.xsd}PricRpt")
    for path, text in (
        ("TradDt/Dt", "2024-01-15"),
        ("SctyId/TckrSymb", "DI1F27"),
        ("FinInstrmAttrbts/OpnIntrst", "42"),
    ):
        _put(message, path, text, None)
    data = re.sub(rb"4(?=2</)", b"4<!-- of all --><?b3 seen?>", etree.tostring(report))
    rows = agreed(template, template.formats["price_report"], data)
    assert rows is not None
    assert 42 in rows[0]


@pytest.mark.parametrize("namespace", ["urn:a}b", "{urn:a}", " "])
def test_a_namespace_that_is_no_uri_is_refused(namespace: str) -> None:
    seed = seeds("xml_messages")[0]
    data = seed.data.replace(b'xmlns="urn:bvmf.052.01.xsd"', f'xmlns="{namespace}"'.encode())
    assert data != seed.data
    assert agreed(seed.template, seed.form, data) is None
