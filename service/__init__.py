"""Processes: settings, gRPC API, ingest, ledger, worker, objects, feeds and the command line."""
