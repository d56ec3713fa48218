"""Does one visitor get what is another's? Probes for applications with their caches, whichever those are.

::

    for finding in probe(over_http("http://localhost:8000"), ["/", "/account"], draw=random.random):
        print(finding.probe, finding.path, finding.danger)

Each class is two requests: one that an attacker or a visitor with a secret sends, and an innocent one
after it. Requests carry a parameter of their own, so that nobody else's pages are touched.
"""

from afresh.probe.asking import Ask, Got, Sent, in_process, over_http
from afresh.probe.classes import PROBES, Probe, Seen
from afresh.probe.running import Finding, probe

__all__ = ["PROBES", "Ask", "Finding", "Got", "Probe", "Seen", "Sent", "in_process", "over_http", "probe"]
