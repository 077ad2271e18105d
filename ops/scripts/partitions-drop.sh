#!/bin/sh
# Drops the log's partitions that are older than the retention. For cron; the ingest does the same every hour.
#   40 0 * * *  /srv/newar/ops/scripts/partitions-drop.sh
# It waits two seconds at most for those who read the log; then it fails, and the next call tries again.
# Settings come from the environment or from .env in the project's root. NEWAR names the command, if not on the PATH.
set -eu
cd "$(dirname "$0")/../.."
exec "${NEWAR:-newar}" partitions drop "$@"
