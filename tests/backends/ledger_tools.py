"""Helpers for tests of ledgers: small files, tags, and what a replaced ledger does to a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from afresh.backends.file.ledger.machine import MachineLedger
from afresh.runtime.drive import drive

A, B, C = 1_001, 1_002, 1_003
SMALL = {"slots": 4, "ring": 8, "cells": 4}


def machine(folder: Path, **options: Any) -> MachineLedger:
    """A small ledger in a folder, as one process opens it."""
    return MachineLedger(folder, **{**SMALL, "max_stale": 0.0, **options})


def announce(ledger: Any, *tags: int) -> int:
    return drive(ledger.announce(tags))


def intend(ledger: Any, *tags: int) -> int:
    return drive(ledger.intend(tags))


def settle(ledger: Any, intent: int, *, announced: bool = True) -> int:
    return drive(ledger.settle(intent, announce=announced))


def valid(ledger: Any, tag: int, since: int) -> bool:
    """Whether an entry made from one tag at a position may still be served."""
    return ledger.prove(frozenset([tag]), since) is not None


def held(ledger: Any, tag: int) -> bool:
    proof = ledger.prove(frozenset([tag]), ledger.position())
    assert proof is not None
    return proof.held


def ledgers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("ledger-*"))
