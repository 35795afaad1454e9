package catalog

import "github.com/muniment/muniment/acl"

// Entry is what a provisioning client, such as a company's identity provider, keeps here of
// one user or group. A group's members are not part of it: they are the group's in the
// directory, whoever puts them there.
type Entry struct {
	Principal acl.Principal `cbor:"1,keyasint"` // a user or a group
	// ID is what the client calls it by. It is never given to another.
	ID string `cbor:"2,keyasint"`
	// Version counts the changes of the principal's entry, removals among them, from 1 on.
	Version int64      `cbor:"3,keyasint"`
	State   EntryState `cbor:"4,keyasint"`
	// Attributes is what else the client has said, in a form of its own.
	Attributes []byte `cbor:"5,keyasint"`
}

// EntryState is what became of an entry.
type EntryState uint8

// The states. A user whose entry is Inactive or Removed reads nothing; one without an entry
// is as active as its tokens are.
const (
	Inactive EntryState = iota // of a user; kept, and may come back
	Active
	Removed // its attributes are gone; the principal stays, so that it stays shut out
)

// PutEntry stores an entry, with a group's members in the same revision. It is refused with
// ErrVersionStale unless the entry's version is the one after the stored, so that nobody
// overwrites what they have not read.
type PutEntry struct {
	Entry   Entry
	Members []acl.Principal // of a group
}

func (PutEntry) mutation() {}

// Next returns the entry after the mutation, and what became of it. The zero Entry is that
// of a principal without one.
func (m PutEntry) Next(old Entry) (next Entry, o Outcome) {
	if m.Entry.Version != old.Version+1 {
		return old, Outcome{Refused: ErrVersionStale}
	}
	return m.Entry, Outcome{Changed: true}
}

// Next says whether the group may be replaced, given its entry: what a provisioning client
// keeps has one master.
func (m PutGroup) Next(entry Entry) (o Outcome) {
	if entry.Version > 0 && entry.State != Removed {
		o.Refused = ErrProvisioned
	}
	return o
}

// Activation is what the entry says of its user, for a directory; ok is false for a group.
func (e Entry) Activation() (a acl.Activation, ok bool) {
	return acl.Activation{User: e.Principal, Active: e.State == Active}, e.Principal.Kind() == acl.User
}
