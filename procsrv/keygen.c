/* SPDX-License-Identifier: BSD-2-Clause
 *
 * procsrv-keygen: makes the server's key.pem, once.  It is a program of its own
 * because writing certificates takes code nobody else here needs.
 *
 *   procsrv-keygen [-key FILE]     prints the fingerprint
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/key.h"
#include "common/keymake.h"
#include "common/log.h"
#include "where.h"

enum { EXIT_NOT_MADE = 1, EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
	char path[WHERE_MAX], host[64] = "", why[512], text[FINGERPRINT_SIZE];
	struct key *k;

	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
	log_init("procsrv-keygen", false);
	if (argc == 3 && strcmp(argv[1] + (argv[1][0] == '-' && argv[1][1] == '-'), "-key") == 0)
		snprintf(path, sizeof(path), "%s", argv[2]);
	else if (argc != 1)
		fatal(EXIT_USAGE, "usage: procsrv-keygen [-key FILE]");
	else if (where_config(path, "key.pem") != 0)
		fatal(EXIT_NOT_MADE, "%s", path);
	gethostname(host, sizeof(host) - 1);
	if (key_make(path, host, why, sizeof(why)) != 0)
		fatal(EXIT_NOT_MADE, "%s", why);
	k = key_load(path, why, sizeof(why));
	if (!k)
		fatal(EXIT_NOT_MADE, "%s", why);
	printf("%s\n", fingerprint_format(text, key_fingerprint(k)));
	key_free(k);
	return fflush(stdout) == 0 ? 0 : EXIT_NOT_MADE;
}
