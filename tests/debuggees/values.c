/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values of every kind, to be shown: locals, arguments, statics and globals.
 */
#include <complex.h>
#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#include "debuggee.h"

struct point {
	int x, y;
};

struct line {
	struct point from, to;
	const char *name;
	struct line *next;
};

struct bits {
	unsigned low : 3;
	int middle : 5;
	unsigned long long high : 40;
	_Bool flag : 1;
	unsigned : 4;
	unsigned last : 7;
};

union any {
	int number;
	float real;
	unsigned char bytes[4];
};

struct deep {
	int a;
	struct {
		int b, c;
	};
	union {
		int d;
		float e;
	};
	struct {
		struct point p[2];
		union any u;
	} in;
};

enum colour { RED, GREEN, BLUE };
enum flag { READ = 1, WRITE = 2, EXECUTE = 4 };
enum odd { MINUS = -2, SEVEN = 7, EIGHT };
typedef unsigned char byte;
typedef struct point point_t;
typedef int (*callback)(int, const char *);

int counter = 42;
static volatile int hidden = 7;
unsigned u32 = 4000000000u;
int64_t i64 = -5000000000;
uint64_t u64 = UINT64_MAX;
short s16 = -3;
byte b8 = 200;
signed char c8 = -5;
char letter = 'x';
bool yes = true;
float single = 3.14f;
double twice = -2.5e-10;
long double extended = 0.1L;
__int128 huge = (__int128)1 << 100;
wchar_t wide_letter = L'w';
const char *text = "hello, \"world\"\n";
char buffer[16] = "hi";
char small[8] = "hi";
char full[4] = {'f', 'u', 'l', 'l'};
char letters[300];
unsigned char raw[6] = {0, 1, 2, 0xff, 10, 0};
int zeros[40];
int numbers[300];
int matrix[2][3] = {{1, 2, 3}, {4, 5, 6}};
struct point corners[4] = {{1, 2}, {1, 2}, {3, 4}, {0, 0}};
struct line first = {{1, 2}, {3, 4}, "first", NULL}, second = {{-1, -2}, {5, 6}, NULL, &first};
struct bits bits = {5, -3, 0x123456789a, true, 100};
union any any = {.real = 1.5f};
struct deep nested = {1, {2, 3}, {.e = 2.0f}, {{{1, 2}, {3, 4}}, {.number = 9}}};
enum colour colour = BLUE, no_colour = 9;
enum flag mode = READ | EXECUTE, no_mode = 0, odd_mode = 9;
enum odd odd = SEVEN, minus = MINUS, no_odd = 3;
void *nothing;
int *to_counter = &counter;
int **to_that = &to_counter;
const char *const names[] = {"one", "two", NULL};
point_t typedefed = {8, 9};
volatile int changing = 3;
volatile double scale = 2.25;
char *bad_string = (char *)16;
__thread int of_thread = 11;

static int called(int n, const char *s)
{
	return n + (s != NULL);
}

callback function = called;

static __attribute__((noinline)) int inner(int n, const char *name, struct point p, struct line *l,
    double d, unsigned long big, float f, _Bool flag, enum colour c, byte b)
{
	static int calls = 3;
	int local = n * 2, array[5] = {1, 2, 3, n, 5};
	struct point moved = {p.x + 1, p.y + 1};
	double half = d / 2;

	calls++;
	{
		int local2 = local + 1;
		const char *local_name = name;

		debuggee_ready();
		debuggee_sleep();
		local += local2 + (local_name != NULL);
	}
	return local + array[n & 3] + moved.x + (int)half + (int)big + (int)f + flag + (int)c + b + l->to.x;
}

static __attribute__((noinline)) int outer(int argc, char **argv, struct line *l)
{
	volatile int kept = argc + 5;
	long sum = argc * 1000L;
	int result = inner(kept, argv[0] ? "inner's name" : NULL, l->from, l, scale, 123456789012ul, 0.5f,
	    argc > 0, (enum colour)argc, 65);

	return result + kept + (int)sum;
}

/* Only declared here: what has them has no DWARF. */
__asm__(".data\n"
	".globl assembled\n"
	".type assembled,@object\n"
	".size assembled,4\n"
	".balign 4\n"
	"assembled: .long 77\n"
	".text\n");
extern int assembled;
extern int also_counter __attribute__((alias("counter")));

int main(int argc, char **argv)
{
	debuggee_start();
	for (unsigned i = 0; i < sizeof(letters) - 1; i++)
		letters[i] = (char)('a' + i % 26);
	for (int i = 0; i < 300; i++)
		numbers[i] = i / 2;
	return outer(argc, argv, &second) + hidden + assembled + also_counter;
}
