"""A template is what its YAML says and can be worked with, or is refused in one line that names the file."""

from __future__ import annotations

import random
import re
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyb3.errors import TemplateError
from pyb3.template import Template
from tests.support.agreement import agreed_template, assert_one_line
from tests.support.mutations import mutated
from tests.support.seeds import TEMPLATE

pytestmark = pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")  # of a signature

OURS = [path.read_text("utf-8") for path in resources.files("pyb3.datasets").iterdir() if path.name.endswith(".yaml")]


@pytest.mark.parametrize("text", [TEMPLATE, *OURS], ids=lambda text: text.split("\n")[0])
def test_a_template_is_what_it_says(text: str) -> None:
    assert agreed_template(text)


@given(number=st.integers(0, 2**32))
def test_a_damaged_template_is_what_it_says_or_refused(number: int) -> None:
    agreed_template(mutated(TEMPLATE.encode(), random.Random(number), 2).decode("utf-8", "replace"))


_PLACES = ("lines", "day", "[refdate, symbol]", '"^01"', "2018-01-01", "{item}", "[3, 8]", "2,", "Data")
_WORDS = (
    "{a: 1}", "[1, 2]", "? [a, b]", "!!int x", "!!int ''", "!!bool x", "!!float x", "!!timestamp x",
    "!!binary x", "!!python/object:os.system {}", "&a [*a]", "&a {b: *a}", "*nothing", "null", "~", "1e999",
    ".nan", "0x", "2024-02-30", "9" * 5_000, "{date[0]}", "{date.year.real}", "{item[0]}", "{item[x]}", "{0}",
    "{}", "{", "}", "{date:%}", "{item!x}", "{date:%d}{date:%m}", "{item}{item}", "{date:%j}",
    "{date:%d[}", "{date:%d%d}", "{date:%%}", "{date:(}", "(", "a{99999999999}",
    "(?P<x>a)(?P<x>b)", "[" * 1_200, "{a: " * 1_200, "\t", "\0", "\x85", "\u2028", "'", '"',
    "%", "@", "`", "|", ">", "- ", ": ", "#", "---", "...", "%YAML 9.9", "{item:1000000000000000000000}",
    "{date.__class__}", "{date.year:%Y}", "{[1]: 2}", "{{a: 1}: 2}", "<<: 1", "<<: [1]", "<<: {a: 1}", "=",
)  # fmt: skip


@pytest.mark.parametrize("word", _WORDS, ids=lambda word: ascii(word[:30]))
def test_an_odd_word_anywhere_in_a_template_is_no_crash(word: str) -> None:
    for place in _PLACES:
        for found in re.finditer(re.escape(place), TEMPLATE):
            for text in (word, f'"{word}"', f"{{{word}: 1}}"):
                agreed_template(TEMPLATE[: found.start()] + text + TEMPLATE[found.end() :])


@given(text=st.text(max_size=60))
def test_any_text_is_a_template_or_refused(text: str) -> None:
    assert agreed_template(text) is None
    agreed_template(TEMPLATE + text)


@pytest.mark.parametrize("levels", [3, 30])
def test_what_refers_to_itself_over_and_over_is_refused_at_once(levels: int) -> None:
    bombs = "\n".join(f"  b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]" for n in range(1, levels))
    with pytest.raises(TemplateError) as caught:
        Template.parse(
            TEMPLATE.replace("{index:", "{b: *b2, index:").replace("formats:", f"formats:\n  b0: &b0 [x]\n{bombs}")
        )
    assert_one_line(caught.value)
    assert len(str(caught.value)) < 500
