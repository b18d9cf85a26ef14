package afpacket

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// program is a classic BPF program under construction. Its jumps name labels
// instead of counting instructions.
type program struct {
	instructions []bpf.Instruction
	labels       map[string]int
	jumps        map[int]string
}

func newProgram() *program {
	return &program{labels: map[string]int{}, jumps: map[int]string{}}
}

// do appends plain instructions.
func (p *program) do(instructions ...bpf.Instruction) {
	p.instructions = append(p.instructions, instructions...)
}

// label names the place of the next instruction.
func (p *program) label(name string) { p.labels[name] = len(p.instructions) }

// jump goes to a label further down.
func (p *program) jump(to string) {
	p.jumps[len(p.instructions)] = to
	p.do(bpf.Jump{})
}

// when goes to a label if register A holds value. A conditional jump reaches
// only 255 instructions, so it merely steps over one that reaches any distance.
func (p *program) when(value uint32, to string) {
	p.do(bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipFalse: 1})
	p.jump(to)
}

// unless goes to a label if register A does not hold value.
func (p *program) unless(value uint32, to string) {
	p.do(bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipTrue: 1})
	p.jump(to)
}

// resolve returns the program with its jumps filled in.
func (p *program) resolve() []bpf.Instruction {
	for at, name := range p.jumps {
		p.instructions[at] = bpf.Jump{Skip: uint32(p.labels[name] - at - 1)}
	}
	return p.instructions
}

// attach hands a program to the kernel as a socket option.
func attach(fd, level, option int, instructions []bpf.Instruction) error {
	raw, err := bpf.Assemble(instructions)
	if err != nil {
		return fmt.Errorf("assemble BPF program: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(fd, level, option, &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}
