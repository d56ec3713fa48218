"""Complete configurations for Varnish and nginx, from templates that are read beside this file."""

from __future__ import annotations

from afresh.edge.configuration.nginx import Nginx
from afresh.edge.configuration.varnish import Varnish

__all__ = ["Nginx", "Varnish"]
