package control

import (
	"os"
	"os/user"
	"slices"
	"strconv"
)

// groupName is the group whose members may command the daemon.
const groupName = "sipward"

// peer is who is at the other end of a connection, by the kernel's word.
type peer struct {
	pid      int32
	uid, gid uint32
}

// permitted says whether the peer may command this process: root, the daemon's
// own user, and members of group. The file mode of the socket says the
// same; this holds when somebody changes that.
func (p peer) permitted(group string) bool {
	if p.uid == 0 || p.uid == uint32(os.Geteuid()) {
		return true
	}
	gid, ok := groupID(group)
	if !ok {
		return false
	}
	if p.gid == uint32(gid) {
		return true
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(p.uid), 10))
	if err != nil {
		return false
	}
	groups, err := u.GroupIds()
	return err == nil && slices.Contains(groups, strconv.Itoa(gid))
}

// name gives the human behind the connection, for the record.
func (p peer) name() string {
	id := strconv.FormatUint(uint64(p.uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

// groupID finds the group; not every machine has it.
func groupID(group string) (int, bool) {
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, false
	}
	id, err := strconv.Atoi(g.Gid)
	return id, err == nil
}
