#!/bin/sh
# Brings the log database to the schema of this program, before its services are started. Safe to repeat.
#   /srv/newar/ops/scripts/run-migrations.sh
set -eu
# shellcheck source=lib/run_newar.sh
. "$(dirname "$(readlink -f "$0")")/lib/run_newar.sh"
if [ $# -gt 0 ]; then
    echo "usage: $name (it takes no argument)" >&2
    exit 2
fi
run_newar migrate
