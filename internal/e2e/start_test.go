package e2e

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestNobodyStaysBehind: a program of a test ends with all its children, also
// when these do not heed the signal and hold its output open.
func TestNobodyStaysBehind(t *testing.T) {
	var deaf *exec.Cmd
	t.Run("a deaf child", func(t *testing.T) {
		l := &lab{t: t}
		deaf = exec.Command("sh", "-c", "(trap '' INT; echo up; exec tail -f /dev/null) & exec tail -f /dev/null")
		out := l.start(deaf, "the deaf")
		eventually(t, 5*time.Second, "the child is up", func() bool { return out.String() != "" })
	})
	eventually(t, 5*time.Second, "the group has ended", func() bool {
		return errors.Is(syscall.Kill(-deaf.Process.Pid, 0), syscall.ESRCH)
	})
}
