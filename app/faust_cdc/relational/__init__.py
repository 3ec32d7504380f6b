"""What MySQL says about tables: the relational model and the filters that choose captured tables."""
