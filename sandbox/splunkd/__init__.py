"""splunkd's REST API and its HTTP Event Collector, as far as the app, its tests and Splunk's own SDK call them.

What is served is in the modules beside this one, one for each part of the API; everything else is 404. Sources: REST
API Reference; "Set up and use HTTP Event Collector" (Getting Data In); what splunk-sdk sends and reads.
"""

from sandbox.splunkd.calls import Session
from sandbox.splunkd.endpoints.hec import Token
from sandbox.splunkd.server import Splunkd

__all__ = ["Session", "Splunkd", "Token"]
