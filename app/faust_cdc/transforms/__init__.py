"""Single message transforms: what Connect and Debezium do to a record between the connector and the converters.

`record` is what a transform is given, `registry` knows the classes by their Java names, `chain` runs them. A transform
sees values as Avro has them (a Decimal's bytes, a Date's days): nothing is converted that no transform asks for.
"""
