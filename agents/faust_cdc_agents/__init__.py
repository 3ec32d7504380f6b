"""Faust agents of faust-cdc, each a thin shell over `faust_cdc`."""
