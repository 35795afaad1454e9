package bolt

import (
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

func (b *batch) groupLine(m catalog.PutGroup) (o catalog.Outcome, err error) {
	e, err := b.entryOf(m.Group)
	if o = m.Next(e); err != nil || o.Refused != nil {
		return o, err
	}
	o.Changed = b.group(m.Group, m.Members)
	return o, nil
}

// group replaces the group's members, and reports whether that changes something.
func (b *batch) group(name acl.Principal, list []acl.Principal) bool {
	members := append([]acl.Principal{}, list...) // never nil: a group may be empty
	slices.Sort(members)
	members = slices.Compact(members)
	old, pending := b.groups[name]
	if !pending {
		old = b.directory.Members(name)
	}
	if old != nil && slices.Equal(old, members) {
		return false
	}
	b.groups[name] = members
	return true
}

func (b *batch) entry(m catalog.PutEntry) (o catalog.Outcome, err error) {
	old, err := b.entryOf(m.Entry.Principal)
	if err != nil {
		return o, err
	}
	next, o := m.Next(old)
	if !o.Changed {
		return o, nil
	}
	b.entries[next.Principal] = next
	if next.Principal.Kind() == acl.Group {
		b.group(next.Principal, m.Members)
	}
	return o, nil
}

// entryOf returns the principal's entry as the mutations so far have left it.
func (b *batch) entryOf(p acl.Principal) (catalog.Entry, error) {
	if e, ok := b.entries[p]; ok {
		return e, nil
	}
	_, e, err := b.head.entry(groupKey(p))
	return e, err
}

// directoryChanges returns the directory with what the batch has changed, and whether that
// is anything.
func (b *batch) directoryChanges(d *acl.Directory) (*acl.Directory, bool) {
	var changes []acl.Change
	for name, members := range b.groups {
		changes = append(changes, acl.Change{Group: name, Members: members})
	}
	var activations []acl.Activation
	for _, e := range b.entries {
		if a, ok := e.Activation(); ok {
			activations = append(activations, a)
		}
	}
	if len(changes) > 0 {
		d = d.With(changes...)
	}
	if len(activations) > 0 {
		d = d.Activate(activations...)
	}
	return d, len(changes)+len(activations) > 0
}
