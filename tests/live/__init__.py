"""Real processes: the commands, the WSGI servers, Keystone, and the published clients that must
work unchanged.
"""
