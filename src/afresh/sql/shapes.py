"""What is known of a statement's shape, whatever its values: made once for each shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlglot import exp

from afresh.sql.refusals import Coarse, Refused
from afresh.sql.schema.catalogue import Table
from afresh.sql.schema.resolve import Names
from afresh.sql.tags.reading import Read, read_of
from afresh.sql.text.functions import calls
from afresh.sql.text.shape import Shaped
from afresh.sql.text.statements import names_in, sort_of, transaction_word
from afresh.sql.trees.occurrences import Common, Walk
from afresh.sql.trees.parse import WRITING, Node, bracketed_names, parsed
from afresh.sql.trees.scopes import Occurrence
from afresh.sql.trees.writes import Write, Writes

Kind: TypeAlias = Literal["read", "write", "schema", "transaction", "session", "other"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a shape says.

    Args:
        kind: The sort of statement.
        word: Of a transaction: `begin`, `commit`, `rollback`, `savepoint`, `release`, `rollback to`.
        reads: The tables that it reads, each occurrence.
        uncacheable: Why its result can't be kept; empty if it can.
        coarse: Why it is planned less precisely than others; empty if it isn't.
        clock: Its result depends on the time.
        writes: The tables that it writes.
        whole: Names of tables of which anything may have changed.
        everything: Why any table may have changed; empty if not.
    """

    kind: Kind
    word: str = ""
    reads: tuple[Read, ...] = ()
    uncacheable: str = ""
    coarse: str = ""
    clock: bool = False
    writes: tuple[Write, ...] = ()
    whole: frozenset[str] = frozenset()
    everything: str = ""


def facts_of(shaped: Shaped, names: Names, database: str) -> Facts:
    """What a shape says."""
    sort = sort_of(shaped.tokens)
    several = any(token.text == ";" for token in shaped.tokens[:-1])
    if sort == "transaction" and not several:
        return Facts("transaction", transaction_word(shaped.tokens), uncacheable="it is no query")
    if sort == "unknown" or (several and sort not in {"read", "write"}):
        return Facts("write", uncacheable="it is no query", everything="what it does is not known")
    if sort in {"session", "other"}:
        return Facts("session" if sort == "session" else "other", uncacheable="it is no query of tables")
    if sort == "schema":
        return _schema(shaped, names)
    return _statement(shaped, names, database, sort)


def _statement(shaped: Shaped, names: Names, database: str, sort: str) -> Facts:
    try:
        trees = parsed(_rewritten(shaped.text), names.dialect)
        if any(isinstance(tree, exp.Command) for tree in trees) or not trees:
            raise Coarse("the parser gave up on it")
    except Coarse as coarse:
        return (
            _unparsed_read(shaped, names, coarse.reason) if sort == "read" else unparsed(sort, coarse.reason)
        )
    if sort == "read" and len(trees) == 1 and not _writes(trees[0]):
        return _read(shaped, trees[0], names, database)
    return _write(shaped, trees, names)


def _rewritten(text: str) -> str:
    """SQLite's and MySQL's `REPLACE INTO` and `UPDATE OR …`, in words that the parser knows."""
    words = text.split(" ", 3)
    first = words[0].lower()
    if first == "replace":
        return "INSERT OR REPLACE " + text[len("replace ") :]
    if first == "update" and len(words) == 4 and words[1].lower() == "or" and words[2].lower() != "replace":
        return "UPDATE " + words[3]
    return text


def unparsed(sort: str, reason: str) -> Facts:
    """What is said of a statement that can't be understood: of a SELECT nothing, of others the worst."""
    if sort == "read":
        return Facts("read", uncacheable=reason, coarse=reason)
    return Facts("write", uncacheable="it writes", coarse=reason, everything=reason)


def _unparsed_read(shaped: Shaped, names: Names, reason: str) -> Facts:
    """A SELECT that can't be understood may still call what writes."""
    effects = calls(shaped.tokens, names.dialect, names.catalogue, Counter()).effects
    return Facts(
        "read", uncacheable=reason, coarse=reason, everything=f"{effects}() may write" if effects else ""
    )


def _writes(tree: Node) -> bool:
    return not isinstance(tree, exp.Query | exp.Values) or tree.find(*WRITING, exp.Into) is not None


# Reading.


def _read(shaped: Shaped, tree: Node, names: Names, database: str) -> Facts:
    done = calls(shaped.tokens, names.dialect, names.catalogue, bracketed_names([tree]))
    effects = f"{done.effects}() may write" if done.effects else ""
    coarse = ""
    try:
        if done.refused:
            raise Refused(done.refused)
        if tree.find(exp.Lock) is not None:
            raise Refused("it locks rows")
        walk, coarse = _walked(tree, names)
    except Refused as refused:
        return Facts("read", uncacheable=refused.reason, clock=done.clock, everything=effects)
    reads = tuple(read_of(each, database) for each in walk.found)
    return Facts("read", reads=reads, coarse=coarse, clock=done.clock or walk.clock, everything=effects)


def _walked(tree: Node, names: Names) -> tuple[Walk, str]:
    walk = Walk(names, names.dialect)
    try:
        walk.query(tree, None, Common())
        walk.account(tree)
    except Coarse as coarse:
        whole = Walk(names, names.dialect)
        for meant in names.mentioned(tree):
            if isinstance(meant, Table) and meant.guarded:
                raise Refused(f"what {meant.name} shows depends on who asks (row security)") from coarse
            if isinstance(meant, Table):
                whole.found.append(Occurrence(len(whole.found), meant, plain=False, everything=True))
            else:
                whole.whole((meant.name,))
        return whole, coarse.reason
    return walk, ""


# Writing.


def _write(shaped: Shaped, trees: Sequence[Node], names: Names) -> Facts:
    writes = Writes(names)
    done = calls(shaped.tokens, names.dialect, names.catalogue, bracketed_names(list(trees)))
    if done.effects:
        writes.everything = f"{done.effects}() may write"
    coarse = ""
    try:
        for tree in trees:
            _tree(tree, writes)
    except (Coarse, Refused) as trouble:
        coarse = writes.everything = trouble.reason
    return Facts(
        "write",
        uncacheable="it writes",
        coarse=coarse,
        writes=tuple(writes.found),
        whole=frozenset(writes.whole),
        everything=writes.everything,
    )


def _tree(tree: Node, writes: Writes) -> None:
    if isinstance(tree, exp.TruncateTable):
        if str(tree.args.get("option") or "").upper() == "CASCADE":
            raise Coarse("TRUNCATE … CASCADE reaches whatever refers to it")
        for meant in writes.names.mentioned(tree):
            writes.touch(meant)
    elif isinstance(tree, exp.Copy):
        if not isinstance(tree.this, exp.Table | exp.Schema):
            raise Coarse("what it copies isn't understood")
        for meant in writes.names.mentioned(
            tree.this if isinstance(tree.this, exp.Schema) else exp.Tuple(expressions=[tree.this.copy()])
        ):
            writes.touch(meant)
    elif isinstance(tree, (exp.Query, exp.Values, *WRITING)):
        if tree.find(exp.Into) is not None:
            raise Coarse("SELECT … INTO makes a table")
        writes.add(tree)
    else:
        raise Coarse(f"{type(tree).__name__} isn't understood")


def _schema(shaped: Shaped, names: Names) -> Facts:
    """DDL: every table that it names, and those of the views that it names, as a whole."""
    words = names_in(shaped.tokens)
    kinds = {token.text.lower() for token in shaped.tokens[:6] if token.type == "word"}
    writes = Writes(names)
    narrow = {"table", "index", "view", "trigger"} & kinds and not {"schema", "database", "rename"} & kinds
    if not narrow:
        writes.everything = "a change of the schema whose reach is not known"
    temporary = bool({"temp", "temporary"} & kinds) and "create" in kinds
    for meant in () if temporary else _named(names, words):
        writes.touch(meant)
    return Facts(
        "schema",
        uncacheable="it is no query",
        whole=frozenset(writes.whole),
        everything="" if temporary else writes.everything,
    )


def _named(names: Names, words: set[str]) -> list[Table]:
    return [
        each
        for each in names.catalogue.tables()
        if each.name.rpartition(".")[2] in words or each.name in words
    ]
