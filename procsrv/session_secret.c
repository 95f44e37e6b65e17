/* SPDX-License-Identifier: BSD-2-Clause */
#include "session_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/key.h"

int secret_write(int own, const struct session_secret *s)
{
	int fd = openat(own, "secret", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool good = fd >= 0 && pwrite(fd, s, sizeof(*s), 0) == (ssize_t)sizeof(*s);

	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

int secret_read(int own, struct session_secret *s)
{
	int fd = openat(own, "secret", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd >= 0 ? pread(fd, s, sizeof(*s), 0) : -1;

	if (fd >= 0)
		close(fd);
	if (n >= 0 && n != (ssize_t)sizeof(*s))
		errno = EIO;
	return n == (ssize_t)sizeof(*s) ? 0 : -1;
}

/* In the same time whatever the bytes are. */
static bool same(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint8_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= (uint8_t)(a[i] ^ b[i]);
	return differ == 0;
}

bool secret_turn(struct session_secret *s, const uint8_t mac[PROOF_MAC],
    const uint8_t nonce[PROOF_NONCE], uint64_t last_reply, uint64_t last_event)
{
	uint8_t of_now[PROOF_MAC], of_before[PROOF_MAC];
	bool now, before;

	if (!proof_resume_mac(of_now, s->now, nonce, last_reply, last_event) ||
	    !proof_resume_mac(of_before, s->before, nonce, last_reply, last_event))
		return false;
	now = same(of_now, mac, PROOF_MAC);
	before = s->has_before && same(of_before, mac, PROOF_MAC);
	if (!now && !before)
		return false;
	if (now)
		memcpy(s->before, s->now, sizeof(s->before));
	s->has_before = 1;
	return key_random(NULL, s->now, sizeof(s->now)) == 0;
}
