"""A web application on real data: slow at first, then fast with afresh, edited, and still right.

`dataset` reads the facts that are shipped, `catalogue` is the application as its author would have
written it before any cache, `cached` puts afresh in front of it, and `drive` runs both in worker
processes, sends them requests, has another program edit the database, and checks every answer.
"""
