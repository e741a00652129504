#!/usr/bin/env bash
# A tour of the command on a new store in a temporary folder: `make demo`.
#
#     scripts/demo.sh [COMMAND]
set -euo pipefail
cd "$(dirname "$0")/.."

command=$(realpath "${1:-target/release/alwrity-metering}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export ALWRITY_METERING_DB="$folder/metering.db"

# Shows a command as one would type it, and runs it.
step() {
  printf '\n\033[1m$ alwrity-metering'
  printf ' %q' "$@"
  printf '\033[0m\n'
  "$command" "$@"
}

say() { printf '\n# %s\n' "$1"; }

say 'A new store with plans and prices.'
step init

say 'Two days of calls by 20 users on the Free plan, each reserved, made and settled.'
say 'Four processes share the file. What does not fit a plan is refused and not recorded.'
step replay examples/sample_trace.csv --users 20 --plan free --provider gemini \
  --model gemini-2.5-flash --start 2025-10-01T00:00:00Z --enforce --jobs 4

say 'The same again changes nothing: every row has its idempotency key.'
step replay examples/sample_trace.csv --users 20 --plan free --provider gemini \
  --model gemini-2.5-flash --start 2025-10-01T00:00:00Z --enforce --jobs 4

say 'What one of them used, and where it stands with every limit.'
step --at 2025-10-03T12:00:00Z usage user-7

say 'A call that does not fit is refused before it is made (exit code 3).'
big=(--provider gemini --model gemini-2.5-flash --input-tokens 90000 --max-output-tokens 8000)
step --at 2025-10-03T12:00:00Z check user-7 "${big[@]}" && exit 1 || [[ $? -eq 3 ]]

say 'A boost of its own makes room for it, and survives a change of plan.'
step --at 2025-10-03T12:00:00Z limits set user-7 gemini_tokens 100000 --boost
step --at 2025-10-03T12:00:00Z check user-7 "${big[@]}"

say 'Where the period is heading, and what the user was told on the way.'
step --at 2025-10-03T12:00:00Z dashboard user-7
step --at 2025-10-03T12:00:00Z alerts user-7

say 'What a dearer plan would cost for the rest of the period, to the cent; then it happens.'
step --at 2025-10-16T00:00:00Z preview user-7 --upgrade basic
step --at 2025-10-16T00:00:00Z upgrade user-7 --plan basic --payment ch_1

say 'The bill of the period, closed for good.'
step --at 2025-11-02T00:00:00Z invoice finalize user-7 --period 2025-10

say 'Every total follows from the ledger, and every bill is what it was.'
step verify

say 'The file is plain SQL; in a shell of your own it is the same.'
sql='SELECT user_id, total_calls, total_tokens, total_cost, usage_status
FROM usage_summaries ORDER BY total_cost_pico_usd DESC LIMIT 5'
printf '\n\033[1m$ sqlite3 -box metering.db "%s"\033[0m\n' "$sql"
sqlite3 -box "$ALWRITY_METERING_DB" "$sql"

cat <<'END'

To look further, keep a store of your own (`--db FILE init`) and try:

    SELECT * FROM usage_by_provider WHERE user_id = 'user-7';
    SELECT timestamp, model_used, tokens_total, cost_total FROM api_usage_logs LIMIT 10;
    SELECT provider, model_name, cost_per_input_token, effective_date FROM api_provider_pricing;

docs/schema.md lists every table, view and column.
END
