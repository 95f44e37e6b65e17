/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/rsp/rsp_alive.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 450 /* two of them are less than half of GDB's patience */ };

struct rsp_alive {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ending;
	const struct rsp_frame *frame;
	int out;
	uint64_t answers; /* begun and ended: odd while one is being made */
	bool end;
};

static bool is_busy(const struct rsp_alive *a)
{
	return a->answers & 1;
}

/* Nothing is under way there, and it goes without waiting. */
static void put_ack(const struct rsp_alive *a)
{
	struct pollfd fd = {.fd = a->out, .events = POLLOUT};

	if (!rsp_frame_waiting(a->frame).n && poll(&fd, 1, 0) > 0 && fd.revents == POLLOUT)
		(void)!write(a->out, "+", 1);
}

/* False: it is to end. */
static bool tick(struct rsp_alive *a)
{
	struct timespec end;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += TICK_MS * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000L;
	}
	while (!a->end && !err)
		err = pthread_cond_timedwait(&a->ending, &a->lock, &end);
	return !a->end;
}

static void *keep(void *arg)
{
	struct rsp_alive *a = arg;
	uint64_t answer = 0;

	pthread_mutex_lock(&a->lock);
	while (tick(a)) {
		if (is_busy(a) && a->answers == answer)
			put_ack(a);
		answer = a->answers;
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* Signals are for whoever has handlers. */
static int start(struct rsp_alive *a)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&a->thread, NULL, keep, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

struct rsp_alive *rsp_alive_new(void)
{
	struct rsp_alive *a = calloc(1, sizeof(*a));
	pthread_condattr_t attr;

	if (!a)
		return NULL;
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->ending, &attr);
	pthread_condattr_destroy(&attr);
	if (start(a) == 0)
		return a;
	pthread_cond_destroy(&a->ending);
	pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}

void rsp_alive_free(struct rsp_alive *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->end = true;
	pthread_cond_signal(&a->ending);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->ending);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void rsp_alive_begin(struct rsp_alive *a, const struct rsp_frame *f, int out)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->frame = f;
	a->out = out;
	a->answers++;
	pthread_mutex_unlock(&a->lock);
}

void rsp_alive_end(struct rsp_alive *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->answers++;
	pthread_mutex_unlock(&a->lock);
}

void rsp_alive_lock(struct rsp_alive *a)
{
	if (a)
		pthread_mutex_lock(&a->lock);
}

void rsp_alive_unlock(struct rsp_alive *a)
{
	if (a)
		pthread_mutex_unlock(&a->lock);
}
