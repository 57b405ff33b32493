#!/bin/sh
# Sees that the servers which tests start for real, and no wheel carries, are on this machine.
set -eu
if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing PostgreSQL, which the tests run the ledger on as well"
    apt-get update --quiet --quiet
    apt-get install --yes --quiet --no-install-recommends postgresql >/dev/null
else
    echo "PostgreSQL is missing, its tests will say so; as an administrator: apt-get install postgresql" >&2
fi
