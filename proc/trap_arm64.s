//go:build linux

#include "textflag.h"

// trapHandler is a C signal handler: write(trapPipe, siginfo, 128). The second argument of
// a handler is the siginfo already.
TEXT ·trapHandler(SB),NOSPLIT|NOFRAME,$0-0
	MOVD	$64, R8
	MOVW	·trapPipe(SB), R0
	MOVD	$128, R2
	SVC
	RET

GLOBL	·trapHandlerPC(SB), RODATA, $8
DATA	·trapHandlerPC(SB)/8, $·trapHandler(SB)
