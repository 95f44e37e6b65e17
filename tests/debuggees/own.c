/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The library of owns, twice: data that each thread has of its own.
 */
#define PASTE(a, b) a##b
#define NAME(a, b) PASTE(a, b)
#define OWN(x) NAME(OF, x)

int OWN(counts)(int n);

__thread int OWN(own) = 7;
__thread struct {
	int n;
	char text[8];
} OWN(mine) = {3, "abc"};

__attribute__((noinline)) int OWN(counts)(int n)
{
	OWN(own) += n;
	OWN(mine).n++;
	return OWN(own);
}
