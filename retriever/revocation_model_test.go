package retriever_test

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
)

// The model of TestRevocation is one register for each caller and document: whether the
// document is there for the caller, and in which version. Its state is all that decides
// this, kept by the rules of the feed format: lines older than the stored ones change
// nothing. Who may read then is for the reference evaluator to say.
//
// A change of a group or folder is a write of many registers, a retrieval a read of all of
// one caller's. Each register is checked by itself: whatever order there is for the whole
// is one for every part.

var (
	readers = []string{"ada", "ben", "cleo"}
	folders = []string{"", "top", "island"} // a document lies in one; "" is none
	teams   = []string{"group:crew", "group:staff"}
)

const papers = 4 // documents

// choice is a policy by its number in the menu.
type choice int8

var menu = []struct {
	name   string
	policy *acl.Policy
}{
	{"none of its own", nil},
	{"everyone", readable(acl.Everyone)},
	{"ada alone", readable("user:local/ada")},
	{"the crew", readable("group:crew")},
	{"the staff without the crew", but(readable("group:staff"), "group:crew")},
	{"everyone without ben", but(readable(acl.Everyone), "user:local/ben")},
	{"nobody", &acl.Policy{}},
	{"the crew, and whom the folder admits", joined(acl.Extend, readable("group:crew"))},
	{"the staff, whatever the folder says", joined(acl.Replace, readable("group:staff"))},
}

func but(p *acl.Policy, denied acl.Principal) *acl.Policy {
	p.Layers[0].Deny = append(p.Layers[0].Deny, acl.Grant{Principal: denied})
	return p
}

func joined(mode acl.Inherit, p *acl.Policy) *acl.Policy {
	p.Inherit = mode
	return p
}

// act is what was asked for.
type act struct {
	kind    actKind
	reader  int // who reads, for find and open
	paper   int // the document, but for find, folder and team
	target  int // for access and folder the folder, for team the group
	version int64
	policy  choice
	members uint8 // for team: one bit a reader, then one for the crew itself
}

type actKind uint8

const (
	find   actKind = iota // a retrieval
	open                  // a document is read
	put                   // a version of a document arrives
	remove                // it is deleted
	access                // it gets another policy and folder
	folder                // a folder gets another policy
	team                  // a group gets other members
)

// result is what came back: for a read whether the document was there and in which
// version, for a write whether it was taken.
type result struct {
	visible bool
	version int64
	refused bool
}

// register is the state of one caller and document.
type register struct {
	version int64 // of the document, or of its deletion
	present bool
	access  int64 // version of the policy and folder
	policy  choice
	in      int
	folders [3]struct {
		version int64 // 0 = not known yet
		policy  choice
	}
	teams [2]uint8
}

// rules remembers what the reference evaluator said.
type rules map[ruling]bool

type ruling struct {
	reader, in           int
	own, above           choice
	unknown              bool // the folder
	crewMembers, members uint8
}

func (r rules) visible(s register, reader int) bool {
	if !s.present {
		return false
	}
	at := s.folders[s.in]
	key := ruling{reader, s.in, s.policy, at.policy, at.version == 0, s.teams[0], s.teams[1]}
	if answer, ok := r[key]; ok {
		return answer
	}
	w := reference.World{
		Groups: map[string][]string{}, Containers: map[string]reference.Node{}, Labels: acl.DefaultScale,
		Documents: map[string]reference.Document{"paper": {Node: reference.Node{
			Policy: referencePolicy(menu[s.policy].policy), Parent: folders[s.in],
		}}},
	}
	if at.version > 0 {
		w.Containers[folders[s.in]] = reference.Node{Policy: referencePolicy(menu[at.policy].policy)}
	}
	for i, group := range teams {
		for _, m := range members(s.teams[i]) {
			w.Groups[group] = append(w.Groups[group], string(m))
		}
	}
	who := reference.Caller{Principal: "user:local/" + readers[reader], Clearance: acl.DefaultSensitivity, App: acl.DefaultSensitivity}
	r[key] = reference.Reads(w, who, "paper", now)
	return r[key]
}

func members(bits uint8) (list []acl.Principal) {
	for i, name := range append(readers, "") {
		switch {
		case bits&(1<<i) == 0:
		case name == "":
			list = append(list, acl.Principal(teams[0]))
		default:
			list = append(list, acl.Principal("user:local/"+name))
		}
	}
	return list
}

// step returns the state after the act, and whether its result is right for the state.
func (r rules) step(s register, reader int, a act, got result) (register, bool) {
	switch a.kind {
	case find, open:
		want := result{visible: r.visible(s, reader)}
		if want.visible {
			want.version = s.version
		}
		return s, got == want
	case put, remove:
		if a.version < s.version {
			return s, got.refused
		}
		s.version, s.present = a.version, a.kind == put
	case access:
		if a.version < s.access {
			return s, got.refused
		}
		s.access, s.policy, s.in = a.version, a.policy, a.target
	case folder:
		f := &s.folders[a.target]
		if a.version < f.version {
			return s, got.refused
		}
		f.version, f.policy = a.version, a.policy
	case team:
		s.teams[a.target] = a.members
	}
	return s, !got.refused
}

// model is that of the reader's registers.
func (r rules) model(reader int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return register{} },
		Step: func(s, input, output any) (bool, any) {
			next, ok := r.step(s.(register), reader, input.(act), output.(result))
			return ok, next
		},
	}
}

// concerns reports whether the act writes or reads the register.
func (a act) concerns(reader, paper int) bool {
	switch a.kind {
	case find:
		return a.reader == reader
	case open:
		return a.reader == reader && a.paper == paper
	case put, remove, access:
		return a.paper == paper
	default:
		return true
	}
}

// String is the act for the history that a failure prints.
func (a act) String() string {
	switch a.kind {
	case find:
		return readers[a.reader] + " searches"
	case open:
		return fmt.Sprintf("%s opens paper %d", readers[a.reader], a.paper)
	case put:
		return fmt.Sprintf("paper %d arrives in version %d", a.paper, a.version)
	case remove:
		return fmt.Sprintf("paper %d is deleted in version %d", a.paper, a.version)
	case access:
		return fmt.Sprintf("paper %d (access version %d) is for: %s; in folder %q", a.paper, a.version, menu[a.policy].name, folders[a.target])
	case folder:
		return fmt.Sprintf("folder %q (version %d) is for: %s", folders[a.target], a.version, menu[a.policy].name)
	default:
		return fmt.Sprintf("%s is %v", teams[a.target], members(a.members))
	}
}

func (a act) reads() bool { return a.kind == find || a.kind == open }

// String is the result of the act for the same history.
func (r result) String() string {
	switch {
	case r.refused:
		return "too old"
	case r.visible:
		return fmt.Sprintf("version %d", r.version)
	}
	return "-"
}

// deed is an act with its result and the time it took, on the clock of the history.
type deed struct {
	act
	client     int
	from, to   time.Duration
	result     result         // but for find
	everything [papers]result // of find
}

// on is the deed as an operation on one of the registers it concerns.
func (d deed) on(paper int) porcupine.Operation {
	out := d.result
	if d.kind == find {
		out = d.everything[paper]
	}
	return porcupine.Operation{ClientId: d.client, Input: d.act, Output: out, Call: int64(d.from), Return: int64(d.to)}
}
