// SPDX-License-Identifier: BSD-2-Clause
//
// Base classes: one that is shared (virtual), some that are not, and an empty one.

#include <cstdio>

struct Top {
	int top;

	explicit Top(int t) : top(t) {}
	virtual ~Top() {}
	virtual int sum() { return top; }
};

struct Left : virtual Top {
	int left;

	explicit Left(int l) : Top(1), left(l) {}
	int sum() override { return left; }
};

struct Right : virtual Top {
	int right;

	explicit Right(int r) : Top(2), right(r) {}
};

struct Plain {
	int plain = 9;
	static int count;
};

int Plain::count = 3;

struct Bottom : Left, Right, Plain {
	int bottom;

	explicit Bottom(int b) : Top(b), Left(b + 1), Right(b + 2), bottom(b + 3) {}
	int sum() override
	{
		int all = top + left + right + plain;

		return all + bottom;
	}
};

struct Empty {};

struct Holder : Plain, Empty {
	int x = 4;
};

int main()
{
	Bottom object(10);
	Holder holder;
	Bottom *pointer = &object;
	Top *shared = pointer;
	Right *side = pointer;
	Left &reference = object;
	int s = shared->sum() + side->right + reference.left + holder.x;

	std::printf("%d\n", s);
	return 0;
}
