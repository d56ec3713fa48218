"""The table of what each kind of write does to what is cached, for any shop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from db_faces import Face, Shop

from afresh import Cache

Write = Callable[[Face], Awaitable[None]]

WRITES: dict[str, tuple[Write, int, int]] = {
    "save": (lambda face: face.save(1, price=11), 1, 11),
    "update": (lambda face: face.update(1, 12), 1, 12),
    "bulk": (lambda face: face.bulk({1: 13, 3: 14}), 1, 13),
    "raw": (lambda face: face.execute("UPDATE product SET price = price + 1 WHERE id IN (1, 2)"), 1, 11),
}


async def write_is_seen(shop: Shop, cache: Cache, kind: str) -> None:
    """The written row is fresh; another one, and another column, are not loaded again."""
    write, row, expected = WRITES[kind]
    reader, writer = shop.face(), shop.face()
    price = shop.cached(cache, reader, "price")
    name = shop.cached(cache, reader, "name")
    for each in (1, 4):
        await price(each)
        await name(each)
    await reader.rollback()
    shop.loads.clear()
    await write(writer)
    await writer.commit()
    assert await price(row) == expected
    assert await name(row) == "ant"
    assert (await price(4), await name(4)) == (40, "dog")
    await reader.rollback()
    shop.loads.sort()
    if kind == "bulk":  # executed many times: the table
        assert ("price", 1) in shop.loads
    else:
        assert shop.loads == [("price", 1)]


async def lists_follow(shop: Shop, cache: Cache) -> None:
    """What was selected by a column follows rows that come, move and go; other values of it stay."""
    reader, writer = shop.face(), shop.face()
    category = shop.cached(cache, reader, "category")
    assert (await category(1), await category(2)) == (["ant", "bee"], ["cat", "dog"])
    await reader.rollback()
    shop.loads.clear()
    await writer.insert("eel", 1)
    await writer.commit()
    assert await category(1) == ["ant", "bee", "eel"]
    assert await category(2) == ["cat", "dog"]
    await reader.rollback()
    assert shop.loads == [("category", 1)]
    await writer.save(3, category_id=3)
    await writer.commit()
    assert (await category(1), await category(2), await category(3)) == (
        ["ant", "bee", "eel"],
        ["dog"],
        ["cat"],
    )
    await reader.rollback()
    assert shop.loads == [("category", 1), ("category", 2), ("category", 3)]
    await writer.delete(4)
    await writer.commit()
    assert (await category(1), await category(2)) == (["ant", "bee", "eel"], [])


async def late_fill_is_fresh(shop: Shop, cache: Cache) -> None:
    """A change that is committed while the old value is on its way: it isn't kept."""
    reader, writer = shop.face(), shop.face()

    async def meanwhile() -> None:
        await reader.rollback()
        await writer.save(1, price=99)
        await writer.commit()

    price = shop.cached(cache, reader, "price", meanwhile)
    assert await price(1) == 10
    assert await price(1) == 99
    await reader.rollback()


async def rollback_drops_nothing(shop: Shop, cache: Cache) -> None:
    """Nor does a savepoint that is rolled back."""
    reader, writer = shop.face(), shop.face()
    price = shop.cached(cache, reader, "price")
    assert (await price(1), await price(3)) == (10, 30)
    await reader.rollback()
    shop.loads.clear()
    await writer.save(1, price=99)
    await writer.rollback()
    assert (await price(1), shop.loads) == (10, [])
    await writer.save(3, price=31)
    await writer.execute("SAVEPOINT one")
    await writer.save(1, price=98)
    await writer.execute("ROLLBACK TO SAVEPOINT one")
    await writer.execute("RELEASE SAVEPOINT one")
    await writer.commit()
    assert (await price(1), await price(3)) == (10, 31)
    await reader.rollback()
    assert shop.loads == [("price", 3)]


async def own_writes_are_read(shop: Shop, cache: Cache) -> None:
    """Within a transaction that has written, reads go through, and are kept nowhere."""
    reader, writer = shop.face(), shop.face()
    own = shop.cached(cache, writer, "price")
    others = shop.cached(cache, reader, "price")
    assert (await own(1), await others(1)) == (10, 10)
    await writer.rollback()
    await reader.rollback()
    await writer.save(1, price=99)
    assert await own(1) == 99
    assert await own(1) == 99
    await writer.rollback()
    assert await own(1) == 10
    await writer.rollback()
    await writer.save(1, price=98)
    assert await own(1) == 98
    await writer.commit()
    assert (await own(1), await others(1)) == (98, 98)
    await writer.rollback()
    await reader.rollback()
