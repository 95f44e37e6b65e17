/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One of the two libraries of swaps: but for the name of its function they are the same, so
 * that the second comes to lie where the first was.
 */
int TWIN(int n);

int TWIN(int n)
{
	return n * 10;
}
