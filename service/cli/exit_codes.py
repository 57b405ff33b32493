"""Exit statuses of every subcommand; docs/reference.md lists them."""

# Refused, failed, or found wanting.
EXIT_REFUSED = 1
# The service does not answer.
EXIT_UNREACHABLE = 3
# Ctrl-C; what shells give for it.
EXIT_INTERRUPTED = 130
