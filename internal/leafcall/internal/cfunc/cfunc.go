// Package cfunc has the C functions that leafcall's tests call: cgo is not
// allowed in test files.
package cfunc

/*
#include <stdint.h>

struct sum {
	const int64_t *numbers;
	int64_t count;
	int64_t total;
};

static int32_t
sum(void *arg)
{
	struct sum *s = arg;
	int64_t total = 0;
	for (int64_t i = 0; i < s->count; i++)
		total += s->numbers[i];
	s->total = total;
	return (int32_t)total;
}

static int32_t
answer(void *arg)
{
	return arg == 0 ? 42 : -42;
}

struct spin {
	int32_t started;
	int32_t ended;
	int64_t rounds;
};

static int32_t
spin(void *arg)
{
	struct spin *s = arg;
	__atomic_store_n(&s->started, 1, __ATOMIC_RELEASE);
	for (volatile int64_t i = 0; i < s->rounds; i++)
		;
	__atomic_store_n(&s->ended, 1, __ATOMIC_RELEASE);
	return 0;
}

static void *spin_addr(void) { return (void *)spin; }
static void *sum_addr(void) { return (void *)sum; }
static void *answer_addr(void) { return (void *)answer; }
*/
import "C"

import "unsafe"

// SumArgs is the argument of Sum.
type SumArgs struct {
	Numbers *int64
	Count   int64
	Total   int64
}

// SpinArgs is the argument of Spin.
type SpinArgs struct {
	Started, Ended int32
	Rounds         int64
}

var (
	// Spin says that it has started, takes some time, and says that it has ended.
	Spin = unsafe.Pointer(C.spin_addr())

	// Sum adds up Count Numbers into Total and returns it.
	Sum = unsafe.Pointer(C.sum_addr())

	// Answer returns 42 if its argument is nil and -42 otherwise.
	Answer = unsafe.Pointer(C.answer_addr())
)
