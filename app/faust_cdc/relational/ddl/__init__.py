"""DDL in four words: parse, resolve, store the resolved, apply (maxwell `schema/ddl`)."""
