/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values that C++ adds: classes and their bases, references, scopes.
 */
#include <cstdint>

#include "debuggee.h"

namespace shapes
{
	enum class kind { square, circle = 4 };
	enum size { SMALL, LARGE };
	int count = 3;

	struct base {
		int id = 1;
		virtual ~base() {}
		virtual int area() const { return id; }
	};

	struct other {
		long tag = 77;
	};

	namespace inner
	{
		const char *title = "inner title";
	}

	class square : public base, public other
	{
	      public:
		int side;
		static int made;
		static const int limit = 12;
		kind of = kind::square;
		explicit square(int n) : side(n) { made++; }
		int area() const override;
		__attribute__((noinline)) int look(int factor, const square &that, int *&pointer);
	};

	int square::made = 0;

	int square::area() const { return side * side; }

	int square::look(int factor, const square &that, int *&pointer)
	{
		int product = side * factor;
		int &alias = product;
		auto lambda = [&](int n) {
			debuggee_ready();
			debuggee_sleep();
			return n + product;
		};

		alias += *pointer;
		return lambda(that.side) + alias;
	}
}

template <typename T, int N> struct box {
	T items[N];
	T sum() const
	{
		T s = 0;
		for (int i = 0; i < N; i++)
			s += items[i];
		return s;
	}
};

namespace
{
	volatile int unseen = 99;
}

struct empty {
};

struct holder {
	shapes::square &ref;
	const char *const name;
	empty nothing;
	int shapes::square::*member;
};

shapes::square global_square(5);
box<int, 3> ints = {{1, 2, 3}};
box<double, 2> doubles = {{0.5, 1.5}};
holder held = {global_square, "held", {}, &shapes::square::side};
shapes::base *polymorphic = &global_square;
bool truth = true;
char16_t c16 = u'y';
shapes::size big = shapes::LARGE;

int main()
{
	int n = 4, *p = &n;

	debuggee_start();
	return global_square.look(unseen, held.ref, p) + ints.sum() + (int)doubles.sum();
}
