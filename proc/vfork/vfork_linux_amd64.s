//go:build linux

#include "textflag.h"

// func start(args *cloneArgs, size uintptr, calls *Call, keep unsafe.Pointer) (pid, errno uintptr)
//
// The child has the parent's stack, to which the parent returns when it goes on: so the child
// writes nothing there. It needs no more than registers.
TEXT ·start(SB),NOSPLIT|NOFRAME,$0-48
	MOVQ	args+0(FP), DI
	MOVQ	size+8(FP), SI
	MOVQ	calls+16(FP), R12
	MOVL	$435, AX // clone3
	SYSCALL
	TESTQ	AX, AX
	JEQ	next
	CMPQ	AX, $0xfffffffffffff001
	JCC	failed
	MOVQ	AX, pid+32(FP)
	MOVQ	$0, errno+40(FP)
	RET
failed:
	NEGQ	AX
	MOVQ	$0, pid+32(FP)
	MOVQ	AX, errno+40(FP)
	RET

next: // in the child: R12 is its next call
	MOVQ	0(R12), AX
	MOVQ	8(R12), DI
	MOVQ	16(R12), SI
	MOVQ	24(R12), DX
	MOVQ	32(R12), R10
	MOVQ	40(R12), R8
	MOVQ	48(R12), R9
	SYSCALL
	CMPQ	AX, $0xfffffffffffff001
	JCC	end
	ADDQ	$64, R12
	JMP	next
end:
	NEGQ	AX
	MOVQ	AX, 56(R12)
	MOVL	$60, AX // exit
	MOVL	$253, DI // as the child of syscall.ForkExec
	SYSCALL
	JMP	end

// func prlimit(resource uintptr, limit *Limit) (errno uintptr)
TEXT ·prlimit(SB),NOSPLIT,$0-24
	MOVQ	$0, DI
	MOVQ	resource+0(FP), SI
	MOVQ	$0, DX
	MOVQ	limit+8(FP), R10
	MOVL	$302, AX // prlimit64
	SYSCALL
	NEGQ	AX
	MOVQ	AX, errno+16(FP)
	RET

// func grow()
//
// It needs no more than the room: what is called with too little of it is given more first.
TEXT ·grow(SB), 0, $20480-0
	RET
