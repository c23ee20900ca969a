"""What servers share: who may come in, addresses to listen on, and the extra that they need.

Loading this package loads no web framework.
"""
