#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The shards of a campaign, merged, are the campaign.
. "$(dirname "$0")/lib.sh"

campaign() {
	pptsim explore --ops 1 --model m0 --depth 0 --json "$@"
}

check "whole" campaign
cp "$dir/out" "$dir/whole"
for k in 1 2 3; do
	check "shard $k" campaign --shard "$k/3"
	cp "$dir/out" "$dir/shard.$k"
done
check "merge" pptsim merge "$dir"/shard.[321] --json
cp "$dir/out" "$dir/merged"
sums='[.workloads, .workloads_total, .crash_points, .recoveries, .outcomes,
	.violations]'
same "$(jq -c "$sums" "$dir/whole")" "$(jq -c "$sums" "$dir/merged")"
# shellcheck disable=SC2016 # jq's variables
check "the logarithms of sums" jq -en --slurpfile a "$dir/whole" \
	--slurpfile b "$dir/merged" \
	'($a[0].eager_log10 - $b[0].eager_log10) | fabs < 0.001'
