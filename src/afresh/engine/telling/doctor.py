"""What is wrong with a running cache, or may become so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from afresh.backends.findings import Finding
from afresh.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found about one place where entries live.

    Attributes:
        pool: The pool's name; empty for the cache itself.
        url: Where it is, without secrets.
        told: What its server said, and what is known of the ledger here: names and values.
        findings: What somebody should know, the worst first.
    """

    pool: str
    url: str
    told: Mapping[str, object]
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Nothing found is an error."""
        return all(finding.severity != "error" for finding in self.findings)


_WORST_FIRST = ("error", "warning", "note")


def diagnose(engine: Engine, pool: str = "") -> Diagnosis:
    """Ask the server, and look at what is known here. Takes a few round trips; never raises for trouble."""
    told = {**engine.backend.status(), **engine.backend.inspect()}
    given = told.pop("findings", ())
    assert isinstance(given, (list, tuple))
    found = sorted([*given, *_of_engine(engine)], key=lambda each: _WORST_FIRST.index(each.severity))
    return Diagnosis(pool, engine.backend.url, told, tuple(found))


def _of_engine(engine: Engine) -> Iterator[Finding]:
    status = engine.backend.status()
    waiting = status.get("undelivered", 0)
    if waiting:
        yield Finding(
            "error",
            f"{waiting} invalidations could not be delivered yet: other machines may serve what is older",
            "bring the server back; they are kept, and tried again",
        )
    if not engine.backend.proven():
        yield Finding(
            "warning",
            "the ledger's server was not heard of lately: nothing is served from memory",
            "look whether the server can be reached from here",
        )
    if engine.mode.name != "on":
        yield Finding("note", f"the mode is {engine.mode}: not every call is answered from the cache")
