#!/bin/sh
# Makes the log's partitions for the days to come. For cron; the ingest does the same every hour while it runs.
#   10 0 * * *  /srv/newar/ops/scripts/partitions-ensure.sh
# Settings come from the environment or from .env in the project's root. NEWAR names the command, if not on the PATH.
set -eu
cd "$(dirname "$0")/../.."
exec "${NEWAR:-newar}" partitions ensure "$@"
