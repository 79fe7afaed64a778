"""Facts of the wire, as tables: one row a field, an item type or a tool type. No treatments here."""
