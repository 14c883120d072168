#!/usr/bin/env bash
# totals.sh STATUS LOG...: adds up what the test runners in LOG say and prints one line "N passed, N failed".
# Exits 1 when STATUS is not 0 or a test failed; a run that failed without a failed test (it did not compile, say)
# counts as one failure, and so does a run without any test.
set -euo pipefail
status=$1
shift
awk -v status="$status" '
  function count(word) { return match($0, "[0-9]+ " word) ? substr($0, RSTART, RLENGTH) + 0 : 0 }
  # nextest: "Summary [ 1.2s] 12 tests run: 11 passed, 1 failed, 0 skipped"; a timed out test failed
  /^ *Summary \[.*tests? run:/ { passed += count("passed"); failed += count("failed") + count("timed out") }
  # cargo test: "test result: ok. 5 passed; 0 failed; ..."
  /^test result: /             { passed += count("passed"); failed += count("failed") }
  # another totals line, as this script prints it
  /^[0-9]+ passed, [0-9]+ failed$/ { passed += count("passed"); failed += count("failed") }
  # node --test: "# pass 5" or, on a terminal, "i pass 5"
  /^[^ ]+ pass [0-9]+$/        { passed += $3 }
  /^[^ ]+ fail [0-9]+$/        { failed += $3 }
  END {
    if (failed == 0 && (status != 0 || passed == 0)) failed = 1
    printf "%d passed, %d failed\n", passed, failed
    exit failed > 0
  }' "$@"
