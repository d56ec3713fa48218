"""The page about the rules names each of their files, and each rule says where it comes from."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RULES = ROOT / "src/afresh/rfc"
PLAIN = {"__init__.py", "decisions.py", "fields.py", "messages.py", "requests.py", "settings.py"}
"""Files that hold values, or parts that several rules share."""


def test_the_page_names_each_file_of_the_rules() -> None:
    page = (ROOT / "docs/design/http.md").read_text()
    table = page.partition("## Which rule is where")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+\.py)`", table.partition("The tests of")[0]))
    assert named == {file.name for file in RULES.glob("*.py")} - PLAIN


def test_each_file_of_the_rules_cites_what_it_follows() -> None:
    silent = [
        file.name
        for file in RULES.glob("*.py")
        if file.name not in PLAIN and not re.search(r"RFC \d{4}|draft-ietf|§\d", file.read_text())
    ]
    assert silent == []
