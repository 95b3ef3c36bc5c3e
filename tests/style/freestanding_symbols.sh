#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The freestanding archive needs nothing but memcpy, memmove, memset and
# memcmp, defines nothing but ppt* names, and links without a C library.
#
# usage: freestanding_symbols.sh ARCHIVE CC
set -euo pipefail
archive=$1
cc=$2

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# One relocatable object: what its members need of each other is settled.
ld -r --whole-archive "$archive" -o "$dir/all.o"

failed=0
complain() { # text names
	[ -n "$2" ] || return 0
	printf '%s:\n%s\n' "$1" "$2"
	failed=1
}
names() { nm -P "$@" "$dir/all.o" | cut -d' ' -f1 | sort -u; }

complain "the freestanding layers need" "$(names --undefined-only |
	grep -vxE 'mem(cpy|move|set|cmp)' || true)"
complain "the freestanding layers define, without the ppt prefix" \
	"$(names --extern-only --defined-only | grep -v '^ppt_' || true)"

# An archive that lost its members would pass everything above.
for name in ppt_create ppt_attach ppt_map ppt_strerror; do
	names --extern-only --defined-only | grep -qx "$name" ||
		complain "the freestanding archive lacks" "$name"
done

cat >"$dir/start.c" <<'END'
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void _start(void);

/* Stubs: this program is linked, never run. */
void *memcpy(void *to, const void *from, size_t n)
{
	return (void)from, (void)n, to;
}
void *memmove(void *to, const void *from, size_t n)
{
	return (void)from, (void)n, to;
}
void *memset(void *to, int byte, size_t n)
{
	return (void)byte, (void)n, to;
}
int memcmp(const void *a, const void *b, size_t n)
{
	return (void)a, (void)b, (int)n;
}
void _start(void)
{
}
END
"$cc" -std=c11 -ffreestanding -nostdlib -static -no-pie "$dir/start.c" \
	-Wl,--whole-archive "$archive" -Wl,--no-whole-archive -o "$dir/start" ||
	complain "the freestanding archive does not link with" "-nostdlib"
exit "$failed"
