/* SPDX-License-Identifier: BSD-2-Clause */
#include "front.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "common/log.h"
#include "ipc.h"
#include "listening.h"
#include "options.h"

static int config_path(char path[WHERE_MAX], const char *given, const char *name)
{
	if (!given)
		return where_config(path, name);
	if (snprintf(path, WHERE_MAX, "%s", given) < WHERE_MAX)
		return 0;
	snprintf(path, WHERE_MAX, "a path is longer than %d bytes", WHERE_MAX - 1);
	return -1;
}

int front_init(struct front *f, const char *transport, char *why, size_t size)
{
	const struct transport *t = &f->transport;

	if (transport_parse_listen(&f->transport, transport, why, size) < 0)
		return EXIT_USAGE;
	if (t->kind == TRANSPORT_UNIX) {
		snprintf(why, size,
		    "%s: this version does not listen on unix sockets yet; use tls: or "
		    "stdio",
		    transport);
		return EXIT_USAGE;
	}
	if (config_path(f->key, t->key, "key.pem") < 0)
		return snprintf(why, size, "%s", f->key), EXIT_FAILURE;
	if (config_path(f->map, t->map, "authorized_keys") < 0)
		return snprintf(why, size, "%s", f->map), EXIT_FAILURE;
	return 0;
}

/* ~/.config/procsrv may not be there yet; root's directory is made by make install. */
static void make_directories(const char *file)
{
	char path[WHERE_MAX];

	snprintf(path, sizeof(path), "%s", file);
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(path, S_IRWXU);
		*slash = '/';
	}
}

/* How the end of a child reads: 0, or a status to end with. */
static int judge(int status, const char *program, char *why, size_t size)
{
	why[0] = 0;
	if (status == 0)
		return 0;
	if (status > 0 && WIFEXITED(status))
		return WEXITSTATUS(status);
	if (status > 0)
		snprintf(why, size, "%s died of signal %d", program, WTERMSIG(status));
	else
		snprintf(why, size, "%s cannot be started: %s", program, strerror(errno));
	return EXIT_FAILURE;
}

int front_make_key(const char *path, char pin[FINGERPRINT_SIZE], char *why, size_t size)
{
	char program[WHERE_MAX];
	char *argv[] = {program, (char *)"-key", (char *)path, NULL};

	if (where_program(program, "procsrv-keygen") < 0)
		return snprintf(why, size, "%s", program), EXIT_FAILURE;
	make_directories(path);
	return judge(child_run(argv, pin, FINGERPRINT_SIZE), program, why, size);
}

/* procsrv-monitor -check says "pin=SHA256:... keys=N". */
static bool parse_verdict(struct front *f, const char *line)
{
	uint8_t hash[FINGERPRINT_BYTES];

	return sscanf(line, "pin=%50s keys=%u", f->pin, &f->keys) == 2 &&
	       fingerprint_parse(hash, span_str(f->pin));
}

/* Let a monitor judge the two files that decide about rights. */
static int ask_monitor(struct front *f, bool verbose, char *why, size_t size)
{
	char monitor[WHERE_MAX], line[256];
	char *argv[] = {monitor, (char *)"-check", (char *)"-key", f->key, (char *)"-map", f->map,
	    NULL, NULL, NULL, NULL};
	char **more = argv + 6;
	int err;

	if (f->audit) {
		*more++ = (char *)"-audit";
		*more++ = (char *)f->audit;
	}
	if (verbose)
		*more++ = (char *)"-v";
	if (where_program(monitor, "procsrv-monitor") < 0)
		return snprintf(why, size, "%s", monitor), EXIT_FAILURE;
	err = judge(child_run(argv, line, sizeof(line)), monitor, why, size);
	if (!err && !parse_verdict(f, line)) {
		snprintf(why, size, "%s is of another version than this program", monitor);
		err = EXIT_FAILURE;
	}
	return err;
}

int front_check(struct front *f, bool verbose, char *why, size_t size)
{
	int err = 0;

	if (!f->transport.key && access(f->key, F_OK) < 0 && errno == ENOENT)
		err = front_make_key(f->key, f->pin, why, size);
	/* Another procsrv may have made it at the same moment. */
	if (err && access(f->key, F_OK) < 0)
		return MONITOR_CONFIG;
	if (access(f->map, F_OK) < 0 && errno == ENOENT) {
		snprintf(why, size,
		    "%s: there is no map file; make one (mode 600) with a line for each "
		    "key that may connect, which hdb -keygen prints",
		    f->map);
		return MONITOR_CONFIG;
	}
	return ask_monitor(f, verbose, why, size);
}

int front_open(struct front *f, char *why, size_t size)
{
	int err = f->transport.has_port ? listen_open(&f->listen, &f->transport, why, size)
					: listen_inherit(&f->listen, why, size);

	return err < 0 ? EXIT_FAILURE : 0;
}

const char *front_describe(const struct front *f, char *text, size_t size)
{
	char where[128];

	snprintf(
	    text, size, "tls:%s,pin=%s", listen_describe(&f->listen, where, sizeof(where)), f->pin);
	return text;
}

void front_record(const struct front *f)
{
	struct listening l = {.keys = f->keys};
	char where[128];

	snprintf(l.transport, sizeof(l.transport), "tls:%s",
	    listen_describe(&f->listen, where, sizeof(where)));
	memcpy(l.pin, f->pin, sizeof(l.pin));
	log_escape(l.map, sizeof(l.map), f->map, strlen(f->map));
	listening_add(&l);
}

void front_free(struct front *f)
{
	listen_close(&f->listen);
	transport_free(&f->transport);
}
