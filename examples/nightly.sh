#!/bin/sh
# The last ten sessions of each dataset, for cron and systemd; "nightly.sh --refresh" fetches them all anew.
# The exit code is 1 when a dataset failed, is partial, or was missed by three runs. PYB3_NOTIFY_URL, where it is set,
# gets a message about each dataset that has problems, and one when they are over.
set -u
failed=0
outcomes=$(mktemp)
trap 'rm -f "$outcomes"' EXIT
for dataset in ${DATASETS:-cotahist futures yield_curves symbols index_historical index_composition}; do
    code=0
    pyb3 backfill "$dataset" --last 10 --json --quiet "$@" > "$outcomes" || code=$?
    pyb3 notify "$outcomes" --dataset "$dataset" --exit-code "$code"
    pyb3 cache prune "$dataset" --older-than 30 > /dev/null
    # 3: the last session is late, and fewer than three runs have missed it.
    if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then failed=1; fi
done
exit "$failed"
