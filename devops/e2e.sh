#!/usr/bin/env bash
# Runs the browser tests (`npm run e2e`) against the built program, and ends with one line "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
log=target/e2e.log
mkdir -p target
status=0
cargo build --quiet || status=1
NO_COLOR=1 npm run --silent e2e 2>&1 </dev/null | tee $log
[ "${PIPESTATUS[0]}" = 0 ] || status=1
exec devops/totals.sh $status $log
