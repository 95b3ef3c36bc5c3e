/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * replay.c - a target as a plain program: runs the files, and all files in the
 * folders, that its arguments name.
 *
 * Layer: fuzz.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

#define FILE_MAX (1u << 20)

static int run_file(const char *path)
{
	uint8_t *data = malloc(FILE_MAX);
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!data || !file) {
		perror(path);
		exit(2);
	}
	size = fread(data, 1, FILE_MAX, file);
	(void)fclose(file);
	/* A copy of its exact size: so ASan sees a step behind it. */
	data = realloc(data, size ? size : 1);
	if (!data)
		exit(2);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int run_path(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[4096];
	int files = 0;

	if (!dir)
		return run_file(path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path,
			       entry->d_name);
		files += run_file(name);
	}
	(void)closedir(dir);
	return files;
}

int main(int argc, char **argv)
{
	int files = 0;

	if (argc < 2) {
		(void)fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		files += run_path(argv[i]);
	printf("%d inputs\n", files);
	return files ? 0 : 1;
}
