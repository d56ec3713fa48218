"""What `module:attribute` names, and what is said where it names nothing."""

from __future__ import annotations

import pytest

from afresh.errors import ConfigurationError
from afresh.http.loading import loaded


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(ConfigurationError, match="no module 'no_such'"):
        loaded("no_such.thing:app")
    with pytest.raises(ConfigurationError, match="has no 'nothing'"):
        loaded("afresh:nothing")
    assert loaded("afresh:Cache.close") is not None


def test_a_module_that_lacks_another_says_which(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text("import missing_from_half_there")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="missing_from_half_there"):
        loaded("half_there:app")
