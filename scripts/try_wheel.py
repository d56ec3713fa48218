"""Run by scripts/test in an environment that holds the wheel alone: it imports, caches and ships its types."""

import sys
from importlib import resources

before = set(sys.modules)
import afresh  # noqa: E402

foreign = {
    name.partition(".")[0]
    for name in set(sys.modules) - before
    if "site-packages" in (getattr(sys.modules[name], "__file__", None) or "")
}
if foreign != {"afresh"}:
    raise SystemExit(f"import afresh loaded {sorted(foreign - {'afresh'})}")
if not resources.files("afresh").joinpath("py.typed").is_file():
    raise SystemExit("the wheel has no py.typed")

calls: list[int] = []
url = sys.argv[1]  # empty: the cache of this machine
with afresh.Cache(url) if url else afresh.Cache() as cache:

    @cache.cached(ttl="1m", tags=lambda n: [afresh.tag("number", n)])
    def double(n: int) -> int:
        """Count how often it is really called."""
        calls.append(n)
        return 2 * n

    answers = [double(21), double(21)]
    cache.invalidate(afresh.tag("number", 21))
    answers.append(double(21))

if answers != [42, 42, 42] or calls != [21, 21]:
    raise SystemExit(f"answers {answers}, loads {calls}")
print(f"afresh {afresh.__version__} with {url or 'Cache()'}: works")
