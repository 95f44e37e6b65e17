// SPDX-License-Identifier: BSD-2-Clause
//
// points-cc: names of C++ for breakpoints, and exceptions.
#include <stdexcept>

#include "debuggee.h"

namespace space {
template <class T> struct Box {
	T value;
	explicit Box(T x) : value(x) {}
	T get(int k) const { return value * k; }
};
int twice(int a) { return a * 2; }
int twice(double a) { return static_cast<int>(a * 2); }
} // namespace space

namespace {
int hidden(int x) { return x + 1; }
} // namespace

struct Base {
	virtual ~Base() {}
	virtual int run(int n) { return n; }
};

struct Derived : Base {
	int run(int n) override { return space::twice(n); }
};

int operator+(const space::Box<int> &a, const space::Box<int> &b) { return a.value + b.value; }

static int risky(int n)
{
	try {
		if (n % 2)
			throw std::runtime_error("odd");
	} catch (const std::exception &) {
		return 1;
	}
	return 0;
}

int main()
{
	space::Box<int> a(3), b(4);
	space::Box<long> c(5);
	Derived d;
	Base *p = &d;
	int sum = 0;

	debuggee_start();
	for (int i = 0; i < 4; i++)
		sum += a.get(i) + static_cast<int>(c.get(i)) + space::twice(i) + space::twice(1.5) + hidden(i) +
		       p->run(i) + (a + b) + risky(i);
	printf("sum %d\n", sum);
}
