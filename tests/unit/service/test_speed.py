"""What makes answers late without any work: parts of them that wait for each other in the network."""

import socket

from defectory.service.options import ServiceOptions
from defectory.service.server import take_address


def test_answers_are_sent_at_once():
    """Asyncio tells only sockets that are named as TCP not to wait for more."""
    with take_address(ServiceOptions(port=0)) as address:
        assert address.socket.proto == socket.IPPROTO_TCP
