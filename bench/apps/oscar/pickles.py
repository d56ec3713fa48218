"""The serializer that cacheops is given: pickle, with what django-oscar's products need for it.

The attributes of a product look up what they don't have in the database, and an empty one that is being
unpickled has nothing: it asks itself for itself until the stack is full. Copies are made of them in a way of
their own, so this makes pickles in that way too.
"""

from __future__ import annotations

import copyreg
import pickle

from oscar.apps.catalogue.product_attributes import ProductAttributesContainer


def _reduced(attributes: ProductAttributesContainer) -> tuple[object, ...]:
    return ProductAttributesContainer, (attributes.product,)


copyreg.pickle(ProductAttributesContainer, _reduced)


class Serializer:
    """As cacheops' documentation has one."""

    dumps = staticmethod(pickle.dumps)
    loads = staticmethod(pickle.loads)
