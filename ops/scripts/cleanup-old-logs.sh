#!/bin/sh
# Drops the days of the log that are older than DAYS full days (LOG_RETENTION_DAYS, 7). Where no ingest runs all the time:
# it does the same every half minute. A day that is still read after a minute fails it; the next call goes on.
#   40 0 * * *  /srv/newar/ops/scripts/cleanup-old-logs.sh 7
set -eu
# shellcheck source=lib/run_newar.sh
. "$(dirname "$(readlink -f "$0")")/lib/run_newar.sh"
take_number_below 3651 "$@"
run_newar partitions drop ${1:+--keep-days "$1"}
