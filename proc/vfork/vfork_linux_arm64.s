//go:build linux

#include "textflag.h"

// func start(args *cloneArgs, size uintptr, calls *Call, keep unsafe.Pointer) (pid, errno uintptr)
//
// The child has the parent's stack, to which the parent returns when it goes on: so the child
// writes nothing there. It needs no more than registers.
TEXT ·start(SB),NOSPLIT|NOFRAME,$0-48
	MOVD	args+0(FP), R0
	MOVD	size+8(FP), R1
	MOVD	calls+16(FP), R9
	MOVD	$435, R8 // clone3
	SVC
	CBZ	R0, next
	CMN	$4095, R0
	BCS	failed
	MOVD	R0, pid+32(FP)
	MOVD	ZR, errno+40(FP)
	RET
failed:
	NEG	R0, R0
	MOVD	ZR, pid+32(FP)
	MOVD	R0, errno+40(FP)
	RET

next: // in the child: R9 is its next call
	MOVD	0(R9), R8
	MOVD	8(R9), R0
	MOVD	16(R9), R1
	MOVD	24(R9), R2
	MOVD	32(R9), R3
	MOVD	40(R9), R4
	MOVD	48(R9), R5
	SVC
	CMN	$4095, R0
	BCS	end
	ADD	$64, R9
	JMP	next
end:
	NEG	R0, R0
	MOVD	R0, 56(R9)
	MOVD	$93, R8 // exit
	MOVD	$253, R0 // as the child of syscall.ForkExec
	SVC
	JMP	end

// func prlimit(resource uintptr, limit *Limit) (errno uintptr)
TEXT ·prlimit(SB),NOSPLIT,$0-24
	MOVD	$0, R0
	MOVD	resource+0(FP), R1
	MOVD	$0, R2
	MOVD	limit+8(FP), R3
	MOVD	$261, R8 // prlimit64
	SVC
	NEG	R0, R0
	MOVD	R0, errno+16(FP)
	RET

// func grow()
//
// It needs no more than the room: what is called with too little of it is given more first.
TEXT ·grow(SB), 0, $20480-0
	RET
