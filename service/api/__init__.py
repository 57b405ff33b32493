"""The gRPC servicers, one a file."""
