"""What the tests of the packaged action share."""

import pytest


@pytest.fixture
def action(splunk, installed, python):
    """The action on one Python, in the server that the module starts as `splunk`, with nothing left of other tests."""
    splunk.reset(installed)
    splunk.python = python
    return splunk
