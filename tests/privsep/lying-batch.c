/* SPDX-License-Identifier: BSD-2-Clause
 *
 *   lying-batch COUNT SEED WORKERS MONITOR ARG...
 *
 * Starts the monitor COUNT times, WORKERS at a time, each with a lying conn that takes a
 * random sequence of steps of its own (lying-conn.c, "sequence"; the seeds count up from
 * SEED).  None of these conns can prove a key: a monitor that gave more than one signature,
 * believed a proof, opened a session, wrote no line for the record, ended in a way that is
 * not meant, or left a process behind was won over.  Those are named on stderr by their
 * seeds; one line on stdout says what became of all.  Status 0: none was won over.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procsrv/ipc.h"

enum { WORKERS_MAX = 64, TEXT = 64 * 1024, GOING_MS = 5000 };

struct tally {
	unsigned crash, refused, bad_proof, signatures, won;
	long least, most; /* KiB of memory, of a monitor and what it started */
};

static char said[TEXT], record[TEXT];

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text++)
		n++;
	return n;
}

/* Descriptors as a listener leaves them, but for the byte that a proof is worth. */
static void become_monitor(int log, int socket, char **argv)
{
	int nothing = open("/dev/null", O_RDONLY);

	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 ||
	    dup2(socket, FD_SOCKET) < 0)
		_exit(2);
	close_range(3, FD_SOCKET - 1, 0);
	close_range(FD_SOCKET + 1, ~0U, 0);
	execv(argv[0], argv);
	_exit(2);
}

static void read_whole(int fd, char *text)
{
	size_t n = 0;
	ssize_t got;

	while (n < TEXT - 1 && (got = read(fd, text + n, TEXT - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
}

/* Why it counts as won over, or NULL. */
static const char *judge(int status, struct tally *t)
{
	static const char *const damage[] = {
	    "AddressSanitizer", "LeakSanitizer", "runtime error:", "stack smashing"};
	unsigned signatures = count(said, "answer 5 00000000");

	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++)
		if (strstr(record, damage[i]))
			return damage[i];
	t->signatures += signatures;
	if (signatures > 1)
		return "more than one signature";
	if (strstr(said, "answer 7 00000000") || strstr(said, "answer 9 00000000") ||
	    strstr(record, "event=open"))
		return "a proof was believed";
	if (!strstr(record, "event="))
		return "nothing is on record";
	switch (WIFEXITED(status) ? WEXITSTATUS(status) : -1) {
	case MONITOR_CRASH:
		t->crash++;
		return NULL;
	case MONITOR_REFUSED:
		t->refused++;
		return NULL;
	case MONITOR_BAD_PROOF:
		t->bad_proof++;
		return NULL;
	default:
		return "it ended in another way";
	}
}

static void note_memory(struct tally *t, long kib)
{
	if (!t->least || kib < t->least)
		t->least = kib;
	if (kib > t->most)
		t->most = kib;
}

/* Ours, then: we are the subreaper.  A conn that was killed may take a moment to go. */
static bool left_behind(void)
{
	for (unsigned ms = 0; ms < GOING_MS; ms++) {
		if (waitpid(-1, NULL, WNOHANG) < 0)
			return false;
		usleep(1000);
	}
	return true;
}

static bool run(unsigned seed, int log, char **argv, struct tally *t)
{
	struct rusage used = {0};
	const char *why;
	int pair[2], status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || ftruncate(log, 0) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		become_monitor(log, pair[1], argv);
	close(pair[1]);
	dprintf(pair[0], "sequence %u\n", seed);
	shutdown(pair[0], SHUT_WR);
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		return false;
	read_whole(pair[0], said);
	close(pair[0]);
	lseek(log, 0, SEEK_SET);
	read_whole(log, record);
	note_memory(t, used.ru_maxrss);
	why = judge(status, t);
	if (!why && left_behind())
		why = "a process was left behind";
	if (why) {
		t->won++;
		fprintf(stderr, "seed %u: %s (status %#x)\n%s%s\n", seed, why, (unsigned)status,
		    said, record);
	}
	return true;
}

static int work(unsigned first, unsigned end, unsigned apart, char **argv, struct tally *t)
{
	char name[] = "/tmp/lying-batch.XXXXXX";
	int log = mkostemp(name, O_APPEND);

	if (log < 0)
		return 2;
	unlink(name);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	for (; first < end; first += apart)
		if (!run(first, log, argv, t))
			return 2;
	return 0;
}

static int report(const struct tally *each, unsigned workers)
{
	struct tally all = {0};

	for (unsigned i = 0; i < workers; i++) {
		all.crash += each[i].crash;
		all.refused += each[i].refused;
		all.bad_proof += each[i].bad_proof;
		all.signatures += each[i].signatures;
		all.won += each[i].won;
		if (each[i].least)
			note_memory(&all, each[i].least);
		note_memory(&all, each[i].most);
	}
	printf("crash %u refused %u bad_proof %u signatures %u won %u grew %ld\n", all.crash,
	    all.refused, all.bad_proof, all.signatures, all.won, all.most - all.least);
	return all.won ? 1 : 0;
}

int main(int argc, char **argv)
{
	unsigned n, seed, workers, i;
	struct tally *each;
	int status, failed = 0;

	if (argc < 5)
		return 2;
	n = (unsigned)strtoul(argv[1], NULL, 10);
	seed = (unsigned)strtoul(argv[2], NULL, 10);
	workers = (unsigned)strtoul(argv[3], NULL, 10);
	each = mmap(NULL, WORKERS_MAX * sizeof(*each), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (each == MAP_FAILED || !workers || workers > WORKERS_MAX)
		return 2;
	for (i = 0; i < workers; i++)
		if (fork() == 0)
			_exit(work(seed + i, seed + n, workers, argv + 4, &each[i]));
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 2 : report(each, workers);
}
