"""Full keys, and the tags that every value of a cache carries."""

from __future__ import annotations

from collections.abc import Hashable

from afresh.core.keys import canonical
from afresh.engine.site import Call, Site


class Naming:
    """The names of one namespace.

    Attributes:
        namespace: Begins every key.
        everything: The tag of all its values.
    """

    __slots__ = ("everything", "namespace")

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.everything = f"namespace:{namespace}"

    def full(self, key: Hashable) -> str:
        """The key in the store of a key that a user gave."""
        if type(key) is str and key[:1] != "(":
            return f"{self.namespace}:{key}"
        if isinstance(key, str) and not key.startswith("("):
            return f"{self.namespace}:{str.__str__(key)}"  # the text itself: an enumeration writes its name
        return f"{self.namespace}:({canonical(key)})"

    @staticmethod
    def of_key(full: str) -> str:
        """The tag of a key in the store; what a `Key` dependency is called, too."""
        return f"key:{full}"

    def of_user_key(self, key: Hashable) -> str:
        """The tag of a key that a user gave."""
        return self.of_key(self.full(key))

    def of_site(self, site: Site) -> str:
        """The tag of all values of a function."""
        return f"site:{self.namespace}:{site.name}"

    def of_call(self, call: Call) -> tuple[str, str, str]:
        """The tags of every loaded value: by its key, by its function, and all at once."""
        return (self.of_key(call.key), self.of_site(call.site), self.everything)
