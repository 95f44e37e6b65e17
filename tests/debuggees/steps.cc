// SPDX-License-Identifier: BSD-2-Clause
//
// To be stepped through: what C++ adds to it.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

static volatile int sink;

struct guard {
	int n;

	explicit guard(int m) : n(m)
	{
		sink = m;
	}
	~guard()
	{
		sink = -n;
	}
};

struct base {
	virtual ~base() = default;
	virtual int value(int n)
	{
		return n;
	}
};

struct derived : base {
	int value(int n) override
	{
		return n + 1;
	}
};

template <typename T> static T larger(T a, T b)
{
	if (a < b)
		return b;
	return a;
}

static __attribute__((noinline)) void thrower(int n)
{
	if (n)
		thrower(n - 1);
	throw std::runtime_error("thrown");
}

static __attribute__((noinline)) int catches(int n)
{
	int r = 0;

	try {
		thrower(n);
	} catch (const std::exception &e) {
		r = 1;
	}
	return r;
}

static __attribute__((noinline)) void cleans(int n)
{
	guard g(n);

	thrower(n);
	sink = 1;
}

static __attribute__((noinline)) int outer(int n)
{
	try {
		cleans(n);
		sink = 2;
	} catch (...) {
		sink = 3;
	}
	return n;
}

static __attribute__((noinline)) int again(int n)
{
	try {
		try {
			thrower(n);
		} catch (const std::runtime_error &) {
			throw;
		}
	} catch (const std::exception &) {
		n++;
	}
	return n;
}

// All of it is caught below the line that is stepped over.
static __attribute__((noinline)) int inside(int n)
{
	for (int i = 0; i < n; i++)
		sink = catches(i);
	return n;
}

int main()
{
	std::vector<int> v = {3, 1, 2};
	derived d;
	base *b = &d;
	int r = 0;

	for (int n : v)
		r += n;
	r += b->value(r);
	r = larger(r, 3);
	auto plus = [&](int n) { return n + r; };
	r = plus(2);
	r += catches(2);
	r += outer(1);
	r += again(0);
	r += inside(3);
	std::printf("%d\n", r);
	return 0;
}
