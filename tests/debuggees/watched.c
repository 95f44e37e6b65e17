/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watched: changes data in a known order: total by 1, 2, 3; a structure behind a pointer;
 * one byte of a large array; a local; reads one of them.
 */
#include "debuggee.h"

struct node {
	int value;
	struct node *next;
};

static struct node one = {1, NULL}, two = {2, &one};
static struct node *head = &two;
static char large[4096], three[3];
static volatile int total, sink;

static int local(int k)
{
	int sum = 0;

	for (int i = 1; i <= k; i++)
		sum += i;
	return sum;
}

static void changes(void)
{
	total += 1;
	total += 2;
	total += 0;
	total += 3;
	head->value = 20;
	head = head->next;
	large[77] = 1;
	three[2] = 3;
	sink = total;
}

int main(void)
{
	debuggee_start();
	changes();
	sink = local(3);
	sink += local(4);
	return 0;
}
