"""Whole pages of an unmodified Django application: what a view reads of its request decides who shares its answer.

`middleware` stands first and asks `afresh.http` what to do with a request. What the application then
reads of it is noticed: `noticing` (cookies, headers, `META`), `session`. Django's own middlewares
read much more than they use: `quiet` says what of that means something. `holes` are the parts that
differ per visitor all the same, `answers` the way between Django's responses and the rules'.
"""
