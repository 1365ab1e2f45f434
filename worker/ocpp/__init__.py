"""OCPP-J without input and output: text and time go in, events and text come out.

Nothing below this folder opens a socket, reads a clock or starts a thread, and nothing imports
more than the standard library, orjson and jsonschema_rs.  The worker's links and the simulated
charge points drive the same code from opposite sides.
"""
