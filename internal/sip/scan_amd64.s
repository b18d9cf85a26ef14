#include "textflag.h"

// func scanBlock(p *byte) (lf, control uint64)
//
// SSE2 only, which every amd64 has. A byte is a control character if the unsigned minimum of it and 0x1f is the byte
// itself.
TEXT ·scanBlock(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ $0x0a0a0a0a0a0a0a0a, AX
	MOVQ AX, X6
	PUNPCKLQDQ X6, X6
	MOVQ $0x1f1f1f1f1f1f1f1f, AX
	MOVQ AX, X7
	PUNPCKLQDQ X7, X7
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
	PMOVMSKB X4, CX
	MOVOU X3, X5
	PMINUB X7, X5
	PCMPEQB X3, X5
	PMOVMSKB X5, DX
	SHLQ $16, BX
	SHLQ $32, CX
	SHLQ $48, DX
	ORQ  BX, AX
	ORQ  DX, CX
	ORQ  CX, AX
	MOVQ AX, control+16(FP)

	// And of line feeds.
	PCMPEQB X6, X0
	PMOVMSKB X0, AX
	PCMPEQB X6, X1
	PMOVMSKB X1, BX
	PCMPEQB X6, X2
	PMOVMSKB X2, CX
	PCMPEQB X6, X3
	PMOVMSKB X3, DX
	SHLQ $16, BX
	SHLQ $32, CX
	SHLQ $48, DX
	ORQ  BX, AX
	ORQ  DX, CX
	ORQ  CX, AX
	MOVQ AX, lf+8(FP)
	RET
