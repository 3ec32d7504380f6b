"""`python -m faust_cdc.cli`: the same as `faust-cdc`."""

from faust_cdc.cli.commands import main

main()
