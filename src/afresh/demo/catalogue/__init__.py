"""A package catalogue: Starlette, Jinja2, SQLite. There is no cache anywhere in this package.

`database` opens it, `packages`, `statistics` and `people` read it, `edits` writes it, `pages`
renders what all visitors share, `web` answers requests and adds what is personal.
"""
