//go:build linux

#include "textflag.h"

// trapHandler is a C signal handler: write(trapPipe, siginfo, 128). The second argument of
// a handler is the siginfo already.
TEXT ·trapHandler(SB),NOSPLIT|NOFRAME,$0-0
	MOVL	$1, AX
	MOVL	·trapPipe(SB), DI
	MOVL	$128, DX
	SYSCALL
	RET

GLOBL	·trapHandlerPC(SB), RODATA, $8
DATA	·trapHandlerPC(SB)/8, $·trapHandler(SB)
