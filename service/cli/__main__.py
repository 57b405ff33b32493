"""`python -m service.cli`: the command without its installed script."""

from service.cli.main import main

main()
