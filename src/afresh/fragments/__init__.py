"""Parts of a page that are kept by themselves: what the tags of Django's templates and of Jinja2 share.

A fragment is a cached value like any other: it depends on what was read while it was made, fragments
within it included, and is dropped by whatever changes that. Three things are its own:

* what was **read of the request** is a part of its key, as with whole pages (`Guide`);
* what **differs per visitor** is cut out of it and filled for each (`Cut`);
* the fragments of a page are **fetched together**, from the second rendering on (`Rendering`).
"""

from afresh.fragments.fragments import Fragments, fragments_of
from afresh.fragments.holes import Cut, cutting
from afresh.fragments.outside import NOTHING, Outside, in_the_key
from afresh.fragments.rendering import Rendering, current_rendering, rendered_as
from afresh.fragments.wanted import Wanted

__all__ = [
    "NOTHING",
    "Cut",
    "Fragments",
    "Outside",
    "Rendering",
    "Wanted",
    "current_rendering",
    "cutting",
    "fragments_of",
    "in_the_key",
    "rendered_as",
]
