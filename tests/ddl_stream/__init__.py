"""Generated DDL that drives live connectors, with rows written between the statements."""
