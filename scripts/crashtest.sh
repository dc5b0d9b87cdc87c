#!/bin/sh
# Runs the crash tests of the libraries and of the examples for long, and sums
# up in one line what all of them have checked. With arguments, they are the
# packages to test.
#
#   CRASHTEST_IMAGES  images that each test checks at most, in each round; a
#                     tenth of it is how many processes are killed
#   CRASHTEST_ROUNDS  how often, each time with other operations
set -eu

cd "$(dirname "$0")/.."
images=${CRASHTEST_IMAGES:-2500}
rounds=${CRASHTEST_ROUNDS:-2}
[ $# -gt 0 ] || set -- ./libpmem ./libpmemlog ./libpmemblk ./libpmemobj/... \
	./examples/quickstart ./examples/eventlog ./examples/blockstore-nbd ./examples/codeindex/internal/index

# The others do not know the flags.
set -- $(go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' "$@" | awk '/\/libpmem\/crashtest[] ]/ { print $1 }')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Package after package: the processes of one test use all processors. What a
# test says is shown if it fails, its figures in any case.
began=$(date +%s)
round=1
while [ "$round" -le "$rounds" ]; do
	echo "round $round of $rounds, up to $images images a test"
	{
		CRASHMODEL_SEED=$round go test -p 1 -count=1 -timeout 2h -v -run '^TestCrash' "$@" \
			-args -crashtest.images="$images" -crashtest.seed="$round" 2>&1 || : >"$work/failed"
	} | tee -a "$work/log" | awk '
		/^=== RUN/ { test = $3; text = ""; next }
		/^=== (CONT|NAME)/ { test = $3; next }
		/crashtest: .* (images at .* crash points|kills)/ {
			text = text $0 "\n"
			sub(/.*crashtest: /, "")
			printf "  %-31s %s\n", test, $0
			fflush()
			next
		}
		/^--- FAIL/ { printf "%s%s\n", text, $0 }
		/^(ok|FAIL|panic)/ { print }
		{ text = text $0 "\n" }
	'
	round=$((round + 1))
done

awk -v seconds=$(($(date +%s) - began)) '
	/crashtest: .* images at .* crash points/ {
		sub(/.*crashtest: /, "")
		tests++
		images += $1
		points += $4
		sub(/.*skipped\), /, "")
		failures += $1
	}
	/crashtest: .* kills/ {
		sub(/.*crashtest: /, "")
		kills += $1
	}
	END {
		printf "crashtest: %d images at %d crash points in %d runs, %d failures; %d processes killed; %d s\n", images, points, tests, failures, kills, seconds
	}
' "$work/log"
[ ! -e "$work/failed" ]
