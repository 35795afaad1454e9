package folder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strconv"

	"github.com/muniment/muniment/acl"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// POSIX says how permissions of the file system become policies.
type POSIX struct {
	// OtherIsEveryone takes "other" for everyone; else it admits nobody.
	OtherIsEveryone bool
}

// permission is a bit of rwx.
type permission uint16

const (
	mayRead   permission = 4 // of a file
	maySearch permission = 1 // of a directory
)

// entry is one line of an access control list.
type entry struct {
	tag  uint16
	perm permission
	id   uint32 // of tagUser and tagGroup
}

// The tags of entries, as the kernel numbers them.
const (
	tagUserObj  = 0x01
	tagUser     = 0x02
	tagGroupObj = 0x04
	tagGroup    = 0x08
	tagMask     = 0x10
	tagOther    = 0x20
)

// fileACL is who may do what with a file or directory.
type fileACL struct {
	uid, gid uint32
	entries  []entry
}

// aclOfMode is the list that the nine bits of a mode stand for.
func aclOfMode(uid, gid uint32, mode uint16) fileACL {
	return fileACL{uid, gid, []entry{
		{tag: tagUserObj, perm: permission(mode >> 6 & 7)},
		{tag: tagGroupObj, perm: permission(mode >> 3 & 7)},
		{tag: tagOther, perm: permission(mode & 7)},
	}}
}

// parseACL reads the value of the attribute system.posix_acl_access: a version, and
// entries of eight bytes.
func parseACL(uid, gid uint32, value []byte) (fileACL, error) {
	a := fileACL{uid: uid, gid: gid}
	if len(value) < 4 || binary.LittleEndian.Uint32(value) != 2 || len(value[4:])%8 != 0 {
		return a, errors.New("an access control list of an unknown form")
	}
	for e := value[4:]; len(e) > 0; e = e[8:] {
		one := entry{binary.LittleEndian.Uint16(e), permission(binary.LittleEndian.Uint16(e[2:])), binary.LittleEndian.Uint32(e[4:])}
		if !slices.Contains([]uint16{tagUserObj, tagUser, tagGroupObj, tagGroup, tagMask, tagOther}, one.tag) {
			return a, fmt.Errorf("an access control list with the unknown tag %#x", one.tag)
		}
		a.entries = append(a.entries, one)
	}
	return a, nil
}

// names looks up users and groups of this machine, each once.
type names struct {
	users, groups map[uint32]string // "" for an id without a name
	lookup        func(id string, group bool) (string, error)
}

func newNames() *names {
	return &names{users: map[uint32]string{}, groups: map[uint32]string{}, lookup: func(id string, group bool) (string, error) {
		if group {
			g, err := user.LookupGroupId(id)
			if err != nil {
				return "", err
			}
			return g.Name, nil
		}
		u, err := user.LookupId(id)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	}}
}

// principal is user:local/NAME or group:NAME, "" for an id without a usable name.
func (n *names) principal(id uint32, group bool) string {
	known, prefix := n.users, "user:local/"
	if group {
		known, prefix = n.groups, "group:"
	}
	p, ok := known[id]
	if !ok {
		name, err := n.lookup(strconv.FormatUint(uint64(id), 10), group)
		if p = prefix + name; err != nil || acl.Principal(p).Validate() != nil {
			p = ""
		}
		known[id] = p
	}
	return p
}

// layer says in one layer whom the list gives the permission.
//
// The kernel asks in order and the first that fits decides: the owner; a named user,
// within the mask; the groups, within the mask, of which one that gives it suffices; other.
// A layer asks whether any allow and no deny names the caller. So a user who is named and
// not given it is denied, for a group must not give what the list withholds. Where other
// is everyone, groups that are not given it are denied as well; somebody who is also in
// a group that has it, or is the owner, then loses what the kernel would give: the layer
// is narrower, never wider. Ids without a name can be given nothing. If a group without one
// would have to be denied, everyone is not admitted; if a user, no group is either, for
// that user may be in it.
func (p POSIX) layer(a fileACL, want permission, n *names) *pb.Layer {
	mask := permission(7)
	for _, e := range a.entries {
		if e.tag == tagMask {
			mask = e.perm
		}
	}
	l := &pb.Layer{}
	everyone, namelessUser, namelessGroup := false, false, false
	var groups []*pb.Grant
	var without []string // groups that are not given it
	for _, e := range a.entries {
		perm := e.perm
		if e.tag == tagUser || e.tag == tagGroupObj || e.tag == tagGroup {
			perm &= mask
		}
		given := perm&want == want
		who, isUser := "", e.tag == tagUserObj || e.tag == tagUser
		switch e.tag {
		case tagUserObj:
			who = n.principal(a.uid, false)
		case tagUser:
			who = n.principal(e.id, false)
		case tagGroupObj:
			who = n.principal(a.gid, true)
		case tagGroup:
			who = n.principal(e.id, true)
		case tagOther:
			everyone = given && p.OtherIsEveryone
			continue
		default:
			continue
		}
		switch {
		case who == "":
			namelessUser = namelessUser || isUser && !given
			namelessGroup = namelessGroup || !isUser && !given
		case given && isUser:
			l.Allow = append(l.Allow, &pb.Grant{Principal: who})
		case given:
			groups = append(groups, &pb.Grant{Principal: who})
		case isUser:
			l.Deny = append(l.Deny, &pb.Grant{Principal: who})
		default:
			without = append(without, who)
		}
	}
	if namelessUser {
		return l
	}
	l.Allow = append(l.Allow, groups...)
	if everyone && !namelessGroup {
		l.Allow = append(l.Allow, &pb.Grant{Principal: string(acl.Everyone)})
		for _, g := range without {
			l.Deny = append(l.Deny, &pb.Grant{Principal: g})
		}
	}
	return l
}

// restricted combines what the file system says with a policy that was written down. Both
// must admit: a policy that extends or replaces would give what the file system withholds.
func restricted(system, written *pb.Policy) (*pb.Policy, error) {
	if m := written.GetInherit(); m != pb.Inherit_INHERIT_UNSPECIFIED && m != pb.Inherit_INHERIT_RESTRICT {
		return nil, fmt.Errorf("%s: beside the permissions of the file system a policy can only restrict", m)
	}
	layers := written.GetLayers()
	if len(layers) == 0 {
		return nobody(), nil
	}
	p := &pb.Policy{Layers: append(slices.Clone(system.GetLayers()), layers...)}
	return p, checkPolicy(p)
}
