"""A table of versions: statement triggers write what changed, within the transaction that changes it.

What is committed is in the table at the same moment, so whoever reads the table knows of all that a
reader of the database could see. That is what `strict` needs to be true of other programs' writes.
"""

from afresh.db.watch.versions.table import VersionTable
from afresh.db.watch.versions.versions import Versions

__all__ = ["VersionTable", "Versions"]
