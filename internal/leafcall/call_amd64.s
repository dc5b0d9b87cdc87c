//go:build !go1.27 && !pmdk_noleaf

#include "textflag.h"

// func Call(fn, arg unsafe.Pointer) int32
// The arguments and the result lie where asmcgocall has its own.
TEXT ·Call(SB), NOSPLIT, $0-20
	JMP runtime·asmcgocall(SB)
