"""Rows into Avro: plans per table version, and the reference transcoder that carries them out."""
