/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link breaks and comes back: what a person is told, and processes that were let go
 * meanwhile are attached to again.
 */
#ifndef HDB_AGAIN_H
#define HDB_AGAIN_H

#include <stddef.h>
#include <stdint.h>

struct hdb;
struct he_event;

enum { AGAIN_MOST = 16 };

/* Processes to attach to again. */
struct again {
	struct {
		uint32_t pid;
		uint64_t start;
	} v[AGAIN_MOST];
	size_t n;
};

/* HE_E_LINK_AWAY, HE_E_LINK_BACK. */
void again_link(struct hdb *h, const struct he_event *ev);

/* A process was let go because the link had broken: remember it. */
void again_released(struct hdb *h, const struct he_event *ev, const char *name);

/* Attach to them, and let them run on. */
void again_attach(struct hdb *h);

#endif
