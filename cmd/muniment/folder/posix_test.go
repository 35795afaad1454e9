package folder

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// testNames calls the user 1 u1 and the group 1 g1; 9 has no name.
func testNames() *names {
	n := newNames()
	n.lookup = func(id string, group bool) (string, error) {
		switch {
		case id == "9":
			return "", errors.New("no such id")
		case group:
			return "g" + id, nil
		}
		return "u" + id, nil
	}
	return n
}

// who is a person as the kernel and as a policy knows them.
type who struct {
	uid    uint32
	groups []uint32
}

// admits asks a layer as docs/feed.md says: some allow, and no deny.
func (w who) admits(l *pb.Layer) bool {
	mine := []string{"everyone"}
	if w.uid != 9 {
		mine = append(mine, "user:local/u"+string(rune('0'+w.uid)))
	}
	for _, g := range w.groups {
		if g != 9 {
			mine = append(mine, "group:g"+string(rune('0'+g)))
		}
	}
	named := func(list []*pb.Grant) bool {
		return slices.ContainsFunc(list, func(g *pb.Grant) bool { return slices.Contains(mine, g.GetPrincipal()) })
	}
	return named(l.GetAllow()) && !named(l.GetDeny())
}

// kernel is the access check algorithm of acl(5), step by step.
func kernel(a fileACL, w who, want permission) bool {
	find := func(tag uint16) (entry, bool) {
		i := slices.IndexFunc(a.entries, func(e entry) bool { return e.tag == tag })
		if i < 0 {
			return entry{}, false
		}
		return a.entries[i], true
	}
	mask, masked := find(tagMask)
	within := func(p permission) bool {
		if masked {
			p &= mask.perm
		}
		return p&want == want
	}
	if w.uid == a.uid {
		owner, _ := find(tagUserObj)
		return owner.perm&want == want
	}
	for _, e := range a.entries {
		if e.tag == tagUser && e.id == w.uid {
			return within(e.perm)
		}
	}
	matched := false
	for _, e := range a.entries {
		gid := e.id
		if e.tag == tagGroupObj {
			gid = a.gid
		}
		if (e.tag == tagGroupObj || e.tag == tagGroup) && slices.Contains(w.groups, gid) {
			matched = true
			if within(e.perm) {
				return true
			}
		}
	}
	other, _ := find(tagOther)
	return !matched && other.perm&want == want
}

func TestModeBits(t *testing.T) {
	owner, member, stranger := who{1, nil}, who{2, []uint32{1}}, who{3, []uint32{2}}
	for _, c := range []struct {
		mode     uint16
		everyone bool
		want     [3]bool // owner, member, stranger
	}{
		{0o644, false, [3]bool{true, true, false}}, {0o644, true, [3]bool{true, true, true}}, {0o600, true, [3]bool{true, false, false}},
		{0o640, true, [3]bool{true, true, false}}, {0o044, true, [3]bool{false, true, true}}, {0o604, true, [3]bool{true, false, true}}, {0, true, [3]bool{}},
		{0o311, true, [3]bool{}},
	} {
		l := POSIX{OtherIsEveryone: c.everyone}.layer(aclOfMode(1, 1, c.mode), mayRead, testNames())
		if got := [3]bool{owner.admits(l), member.admits(l), stranger.admits(l)}; got != c.want {
			t.Errorf("%o, everyone %t: %v, want %v: %v", c.mode, c.everyone, got, c.want, l)
		}
	}
}

// TestLayersAreNeverWiderThanTheKernel compares with the kernel's algorithm on random
// lists and people. A layer may be narrower in the cases that POSIX.layer names only.
func TestLayersAreNeverWiderThanTheKernel(t *testing.T) {
	id := rapid.SampledFrom([]uint32{1, 2, 3, 9})
	perm := rapid.SampledFrom([]permission{0, 1, 4, 5, 7})
	rapid.Check(t, func(rt *rapid.T) {
		a := fileACL{uid: id.Draw(rt, "owner"), gid: id.Draw(rt, "group"), entries: []entry{
			{tag: tagUserObj, perm: perm.Draw(rt, "owner's")}, {tag: tagGroupObj, perm: perm.Draw(rt, "group's")}, {tag: tagOther, perm: perm.Draw(rt, "other's")}}}
		for _, u := range rapid.SliceOfNDistinct(id, 0, 3, rapid.ID).Draw(rt, "named users") {
			a.entries = append(a.entries, entry{tagUser, perm.Draw(rt, "user's"), u})
		}
		for _, g := range rapid.SliceOfNDistinct(id, 0, 3, rapid.ID).Draw(rt, "named groups") {
			a.entries = append(a.entries, entry{tagGroup, perm.Draw(rt, "group's"), g})
		}
		if len(a.entries) > 3 {
			a.entries = append(a.entries, entry{tag: tagMask, perm: perm.Draw(rt, "mask")})
		}
		w := who{id.Draw(rt, "uid"), rapid.SliceOfNDistinct(id, 0, 3, rapid.ID).Draw(rt, "groups")}
		everyone := rapid.Bool().Draw(rt, "everyone")
		want := rapid.SampledFrom([]permission{mayRead, maySearch}).Draw(rt, "want")
		l := POSIX{OtherIsEveryone: everyone}.layer(a, want, testNames())
		got, may := w.admits(l), kernel(a, w, want)
		if got && !may {
			rt.Fatalf("%v may not, and the layer admits: %v\n%v", w, l, a)
		}
		// Exact for people with names whom no deny names, where "other" needs no deciding and
		// no user without a name would have to be denied.
		nameless := a.uid == 9 || slices.ContainsFunc(a.entries, func(e entry) bool { return e.tag == tagUser && e.id == 9 })
		quiet := len(l.GetDeny()) == 0 && !nameless && w.uid != 9 && !slices.Contains(w.groups, 9)
		byOther := slices.ContainsFunc(a.entries, func(e entry) bool { return e.tag == tagOther && e.perm&want == want })
		if may && !got && quiet && (!byOther || everyone && !slices.ContainsFunc(a.entries, func(e entry) bool { return e.id == 9 }) && a.uid != 9 && a.gid != 9) {
			rt.Fatalf("%v may, and the layer does not admit: %v\n%v", w, l, a)
		}
	})
}

// TestUserWithoutName: user 9 is kept out by name and is in a group that is let in. As 9
// has no name that a deny could use, the group is not let in; users with names are.
func TestUserWithoutName(t *testing.T) {
	a := fileACL{1, 1, []entry{{tagUserObj, 1, 0}, {tagGroupObj, 0, 0}, {tagOther, 0, 0}, {tagUser, 0, 9}, {tagUser, 1, 3}, {tagGroup, 1, 2}, {tagMask, 1, 0}}}
	l := POSIX{}.layer(a, maySearch, testNames())
	for _, c := range []struct {
		who  who
		want bool
	}{{who{9, []uint32{2}}, false}, {who{2, []uint32{2}}, false}, {who{1, nil}, true}, {who{3, nil}, true}} {
		if got := c.who.admits(l); got != c.want {
			t.Errorf("%v: %t, want %t: %v", c.who, got, c.want, l)
		}
	}
}

func TestParseACL(t *testing.T) {
	value := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []entry{{tagUserObj, 6, 0}, {tagUser, 4, 7}, {tagGroupObj, 4, 0}, {tagMask, 4, 0}, {tagOther, 0, 0}} {
		value = binary.LittleEndian.AppendUint16(value, e.tag)
		value = binary.LittleEndian.AppendUint16(value, uint16(e.perm))
		value = binary.LittleEndian.AppendUint32(value, e.id)
	}
	a, err := parseACL(1, 2, value)
	if err != nil || len(a.entries) != 5 || a.entries[1] != (entry{tagUser, 4, 7}) || a.uid != 1 || a.gid != 2 {
		t.Errorf("%v %v", a, err)
	}
	unknown := slices.Clone(value)
	unknown[4] = 0x40
	for name, bad := range map[string][]byte{"none": nil, "short": value[:3], "cut": value[:len(value)-1], "version": append([]byte{3}, value[1:]...), "tag": unknown} {
		if a, err := parseACL(1, 2, bad); err == nil {
			t.Errorf("%s is taken for %v", name, a)
		}
	}
}

func TestPermissionsCanOnlyBeRestricted(t *testing.T) {
	system, _ := Readers("group:a")
	staff, _ := Readers("group:staff")
	both, err := restricted(system, staff)
	if err != nil || len(both.GetLayers()) != 2 {
		t.Errorf("%v %v", both, err)
	}
	if none, err := restricted(system, &pb.Policy{}); err != nil || len(none.GetLayers()) != 0 {
		t.Errorf("a policy that admits nobody became %v, %v", none, err)
	}
	for _, m := range []pb.Inherit{pb.Inherit_INHERIT_EXTEND, pb.Inherit_INHERIT_REPLACE, 9} {
		staff.Inherit = m
		if p, err := restricted(system, staff); err == nil {
			t.Errorf("%v: %v", m, p)
		}
	}
}
