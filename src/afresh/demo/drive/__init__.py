"""Runs the catalogue in worker processes, visits it, edits it meanwhile and checks every answer.

`servers` starts `worker` processes, `http` talks to them, `visits` says what is asked for, `readers` ask
and remember the answers, `editor` edits, `oracle` and `judge` check, `phases` puts all in order and `report`
prints what came of them.
"""
