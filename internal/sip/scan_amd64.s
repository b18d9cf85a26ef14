#include "textflag.h"

// func scanBlocks(p *byte, blocks int, lf, control *uint64)
//
// SSE2 only, which every amd64 has: 64 bytes a round, one bit a byte. A byte is a control character if the unsigned
// minimum of it and 0x1f is the byte itself.
TEXT ·scanBlocks(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), SI
	MOVQ blocks+8(FP), CX
	MOVQ lf+16(FP), DI
	MOVQ control+24(FP), R8
	MOVQ $0x0a0a0a0a0a0a0a0a, AX
	MOVQ AX, X6
	PUNPCKLQDQ X6, X6
	MOVQ $0x1f1f1f1f1f1f1f1f, AX
	MOVQ AX, X7
	PUNPCKLQDQ X7, X7
	TESTQ CX, CX
	JZ   done

round:
	MOVOU (SI), X0
	MOVOU 16(SI), X1
	MOVOU 32(SI), X2
	MOVOU 48(SI), X3

	// The four quarters of the mask of control characters.
	MOVOU X0, X4
	PMINUB X7, X4
	PCMPEQB X0, X4
	PMOVMSKB X4, AX
	MOVOU X1, X5
	PMINUB X7, X5
	PCMPEQB X1, X5
	PMOVMSKB X5, BX
	MOVOU X2, X4
	PMINUB X7, X4
	PCMPEQB X2, X4
	PMOVMSKB X4, R9
	MOVOU X3, X5
	PMINUB X7, X5
	PCMPEQB X3, X5
	PMOVMSKB X5, R10
	SHLQ $16, BX
	SHLQ $32, R9
	SHLQ $48, R10
	ORQ  BX, AX
	ORQ  R10, R9
	ORQ  R9, AX
	MOVQ AX, (R8)

	// And of line feeds.
	PCMPEQB X6, X0
	PMOVMSKB X0, AX
	PCMPEQB X6, X1
	PMOVMSKB X1, BX
	PCMPEQB X6, X2
	PMOVMSKB X2, R9
	PCMPEQB X6, X3
	PMOVMSKB X3, R10
	SHLQ $16, BX
	SHLQ $32, R9
	SHLQ $48, R10
	ORQ  BX, AX
	ORQ  R10, R9
	ORQ  R9, AX
	MOVQ AX, (DI)

	ADDQ $64, SI
	ADDQ $8, DI
	ADDQ $8, R8
	DECQ CX
	JNZ  round

done:
	RET
