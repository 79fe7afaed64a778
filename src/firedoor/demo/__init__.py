"""What does it look like? An office of agents, one of which turns, without and with the door.

May import: everything below ``cli``.
"""
