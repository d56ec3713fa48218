"""From a table's name in a statement to the catalogue's table, by the search path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from afresh.sql.refusals import Refused
from afresh.sql.schema.catalogue import Catalogue, Table, View
from afresh.sql.trees.parse import Node, fold


@dataclass(frozen=True, slots=True)
class Names:
    """Where names are looked up.

    Args:
        catalogue: Knows them.
        dialect: How they are folded.
        path: Schemas in which a bare name is looked for, in order.
    """

    catalogue: Catalogue
    dialect: str
    path: tuple[str, ...]

    def known(self, node: exp.Table) -> Table | View | None:
        """The table or view that is meant, if the catalogue knows it."""
        name, schema = fold(node.this, self.dialect), fold(node.args.get("db"), self.dialect)
        for each in (schema,) if schema else self.path:
            found = self.catalogue.find(each, name)
            if found is not None:
                return found
        return None

    def find(self, node: exp.Table) -> Table | View:
        """The table or view that is meant.

        Raises:
            Refused: The catalogue is complete and doesn't know it.
        """
        found = self.known(node)
        if found is not None and not node.args.get("catalog"):
            return found
        if self.catalogue.complete or node.args.get("catalog"):
            raise Refused(f"the catalogue doesn't know {node.sql()}")
        schema, name = fold(node.args.get("db"), self.dialect), fold(node.this, self.dialect)
        plain = not schema or schema == self.catalogue.default
        return Table(name if plain else f"{schema}.{name}")

    def of_view(self, view: View) -> Names:
        """Where the names inside of a view are looked up."""
        if view.path:
            return Names(self.catalogue, self.dialect, view.path)
        schema = view.name.rpartition(".")[0] or self.catalogue.default
        return Names(self.catalogue, self.dialect, (schema, self.catalogue.default))

    def mentioned(self, tree: Node) -> Iterator[Table | View]:
        """Every table that a tree names, wherever it stands; names of WITH are left out.

        Raises:
            Refused: The catalogue doesn't know one.
        """
        common = {fold(each.args["alias"].this, self.dialect) for each in tree.find_all(exp.CTE)}
        indexes = {id(each.args["indexed"]) for each in tree.find_all(exp.Table) if each.args.get("indexed")}
        for each in tree.find_all(exp.Table):
            if not isinstance(each.this, exp.Identifier) or id(each) in indexes:
                continue
            if fold(each.this, self.dialect) in common and not each.args.get("db"):
                known = self.known(each)
                if known is not None:
                    yield known
            else:
                yield self.find(each)
