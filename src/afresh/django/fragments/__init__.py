"""Fragments of Django's templates: `parsing` reads the tags, `nodes` renders them.

What a fragment takes from the template around it is found out while it is rendered (`watch`); `taken` says
what that means for its key and for what it depends on. `versions` tells the texts of templates apart.
"""
