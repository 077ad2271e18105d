#!/bin/sh
# Makes the log's partitions for today and the next DAYS days (LOG_PARTITIONS_AHEAD, 30). Where no ingest runs all the
# time: it does the same every half minute.
#   10 0 * * *  /srv/newar/ops/scripts/create-future-partitions.sh 30
set -eu
# shellcheck source=lib/run_newar.sh
. "$(dirname "$(readlink -f "$0")")/lib/run_newar.sh"
take_number_below 367 "$@"
run_newar partitions ensure ${1:+--days "$1"}
