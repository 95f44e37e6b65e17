/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The names C++ makes: namespaces, templates, lambdas, operators, overloads,
 * members of an unnamed namespace, a virtual call, a constructor.
 */
#include <functional>
#include <string>
#include <vector>

#include "debuggee.h"

volatile int sink;

namespace
{
	__attribute__((noinline)) void hidden(const std::function<void(int)> &f)
	{
		f(1);
		sink = 1;
	}
}

namespace outer::inner
{
	template <typename T, int N> struct box {
		T value;

		__attribute__((noinline)) T operator()(const std::vector<T> &v)
		{
			hidden([this, &v](int n) {
				value = v[static_cast<size_t>(n)];
				debuggee_ready();
				debuggee_sleep();
			});
			sink = N;
			return value;
		}
	};

	struct base {
		virtual ~base() = default;
		virtual int enter(const std::string &s) = 0;
	};

	struct derived : base {
		int n;

		__attribute__((noinline)) explicit derived(int n_) : n(n_)
		{
			enter("from the constructor");
			sink = 2;
		}

		__attribute__((noinline)) int enter(const std::string &s) override
		{
			int r = box<int, 42>{n}({1, 2, static_cast<int>(s.size())});

			sink = 3;
			return r;
		}
	};
}

__attribute__((noinline)) static int overloaded(double)
{
	outer::inner::derived d(4);

	sink = 4;
	return d.n;
}

__attribute__((noinline)) static int overloaded(int n)
{
	int r = overloaded(static_cast<double>(n));

	sink = 5;
	return r;
}

int main()
{
	debuggee_start();
	return overloaded(7);
}
