"""The rows of the shop that are edited and looked at."""

from __future__ import annotations

from typing import Any


class Goods:
    """What is sold.

    Attributes:
        some: Six products of the catalogue's first page.
        shelf: A category.
    """

    def __init__(self) -> None:
        from oscar.core.loading import get_model

        self.product: Any = get_model("catalogue", "Product").objects
        self.category: Any = get_model("catalogue", "Category").objects
        self.stock: Any = get_model("partner", "StockRecord").objects
        self.record: Any = get_model("analytics", "ProductRecord").objects
        self.some = list(self.product.order_by("-date_created", "-pk")[:6])
        self.shelf = self.category.order_by("path")[3]

    def pages(self) -> list[str]:
        """The catalogue, a category, and a product."""
        return ["/catalogue/", self.shelf.get_absolute_url(), self.some[0].get_absolute_url()]

    def views(self, product: Any) -> int:
        """How often it was looked at, as the shop has counted."""
        found = self.record.filter(product=product).values_list("num_views")
        return found[0][0] if found else 0
