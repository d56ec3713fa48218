"""Generated values that a codec carries without being told a type."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

zones = st.one_of(
    st.none(),
    st.just(dt.UTC),
    st.sampled_from(["Europe/Berlin", "America/New_York", "UTC", "Asia/Kathmandu"]).map(ZoneInfo),
    st.integers(-86_399, 86_399).map(lambda seconds: dt.timezone(dt.timedelta(seconds=seconds))),
    st.builds(
        dt.timezone, st.integers(-1000, 1000).map(lambda m: dt.timedelta(minutes=m)), st.text(max_size=3)
    ),
)
hashables = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(2**62, 2**66),
        st.floats(),
        st.complex_numbers(),
        st.text(max_size=5),
        st.text(st.characters(), max_size=3),
        st.binary(max_size=5),
        st.decimals(allow_nan=False),
        st.fractions(),
        st.dates(),
        st.times(timezones=zones),
        st.datetimes(timezones=zones, allow_imaginary=True),
        st.timedeltas(),
        st.uuids(),
        st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3)),
    ),
    lambda each: st.one_of(st.lists(each, max_size=3).map(tuple), st.frozensets(each, max_size=3)),
    max_leaves=4,
)
values: st.SearchStrategy[Any] = st.recursive(
    hashables,
    lambda each: st.one_of(
        st.lists(each, max_size=4),
        st.lists(each, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=4), each, max_size=4),
        st.dictionaries(st.integers(), each, max_size=4),
        st.dictionaries(hashables, each, max_size=3),
        st.dictionaries(hashables, each, max_size=3).map(OrderedDict),
        st.sets(hashables, max_size=4),
        st.binary(max_size=4).map(bytearray),
    ),
    max_leaves=8,
)
