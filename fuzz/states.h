/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * states.h - what a damaged image may map without anybody noticing.
 *
 * Layer: fuzz.
 */
#ifndef FUZZ_STATES_H
#define FUZZ_STATES_H

#include "rig.h"

/*
 * Whether a hash is that of the image, or of the image with its journal cut
 * short after one of its records.
 */
bool states_known(struct rig *rig, uint64_t hash);

#endif
