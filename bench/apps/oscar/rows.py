"""`python -m bench.apps.oscar.rows PRODUCTS`: the tables of the shop, and products from the package catalogue.

The packages of a Debian release are the products, their sections the categories, and the size of each
is its price: real names, and real numbers of products in a category.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

from afresh.demo.dataset import Facts, read

_BATCH = 2000


def fill(products: int) -> None:
    """Make tables and rows."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from oscar.core.loading import get_model

    call_command("migrate", verbosity=0, run_syncdb=True)
    facts = read()
    chosen = _spread(len(facts.name), products)
    kind = get_model("catalogue", "ProductClass").objects.create(name="Package", track_stock=True)
    partner = get_model("partner", "Partner").objects.create(name="Archive")
    get_model("address", "Country").objects.create(
        iso_3166_1_a2="GB", printable_name="UK", is_shipping_country=True
    )
    category = get_model("catalogue", "Category")
    shelves = [category.add_root(name=name or "other") for name in facts.sections]
    _products(facts, chosen, kind, partner, shelves)
    User.objects.create_superuser("keeper", "keeper@example.com", "keeper")
    for name in ("ann", "bob", "cid"):
        User.objects.create_user(name, f"{name}@example.com", name)


def _products(facts: Facts, chosen: list[int], kind: Any, partner: Any, shelves: list[Any]) -> None:
    from oscar.core.loading import get_model

    product = get_model("catalogue", "Product")
    made = product.objects.bulk_create(
        [
            product(
                title=facts.name[at],
                slug=facts.name[at].replace(".", "-").replace("+", "p"),
                upc=f"deb-{at}",
                product_class=kind,
                structure="standalone",
                description=f"{facts.name[at]} {facts.version[at]}, {facts.installed[at]} KiB once installed.",
            )
            for at in chosen
        ],
        batch_size=_BATCH,
    )
    places, stock = get_model("catalogue", "ProductCategory"), get_model("partner", "StockRecord")
    places.objects.bulk_create(
        [
            places(product=each, category=shelves[facts.section[at]])
            for at, each in zip(chosen, made, strict=True)
        ],
        batch_size=_BATCH,
    )
    stock.objects.bulk_create(
        [
            stock(
                product=each,
                partner=partner,
                partner_sku=f"sku-{at}",
                price=Decimal(1 + facts.installed[at] % 9999) / 100,
                num_in_stock=100,
            )
            for at, each in zip(chosen, made, strict=True)
        ],
        batch_size=_BATCH,
    )


def _spread(there: int, wanted: int) -> list[int]:
    """So many of them, from the whole alphabet."""
    return [number * there // wanted for number in range(min(there, wanted))]


if __name__ == "__main__":
    import django

    django.setup()
    fill(int(sys.argv[1]))
