"""splunkd's REST API and its HTTP Event Collector, as far as the app, its tests and Splunk's own SDK call them.

What is served stands in `routes`; everything else is 404. Sources: REST API Reference; "Set up and use HTTP Event
Collector" (Getting Data In); what splunk-sdk sends and reads.
"""

from sandbox.splunkd.server import Splunkd
from sandbox.splunkd.state import Session, Token

__all__ = ["Session", "Splunkd", "Token"]
