"""Avro documents, semantic type names and naming rules of change events, and the kit downstream apps import.

`names` holds the semantic type names and how Connect names become Avro names, `connect_avro` builds Avro types in
AvroData's property order, `envelope` the schemas of a change event.
"""
