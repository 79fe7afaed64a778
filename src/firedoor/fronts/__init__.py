"""What drives the engine? The transport inside a client, and the sidecar.

May import: types, errors, engine, store, config and the rooms on the road.
"""
