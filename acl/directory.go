package acl

import (
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"time"
)

// Limits of group membership. Over a limit the caller is refused whole: a truncated list
// of groups would let a deny fail open.
const (
	MaxGroups  = 10_000 // groups of one caller, nested ones included
	MaxDepth   = 64     // levels of nesting
	MaxMembers = 100_000
)

// Why a caller's groups could not be resolved, or who is asking is not well formed.
var (
	ErrTooManyGroups = errors.New("acl: the caller is in more than 10,000 groups")
	ErrTooDeep       = errors.New("acl: the caller's groups nest deeper than 64 levels")
	ErrIdentity      = errors.New("acl: the identity names no user or service, or claims groups that are none")
)

// shards is how many parts the directory's index is kept in, so that a change copies a
// small part of it.
const shards = 256

var seed = maphash.MakeSeed()

// Directory knows who is a member of which group, which users have been deactivated, and
// which sources are withheld from when on. It is immutable: With returns a changed copy that
// shares what did not change, so a snapshot keeps its directory for free. The zero Directory
// has no groups.
type Directory struct {
	members     [shards]map[Principal][]Principal // group → direct members
	groups      [shards]map[Principal][]Principal // member → groups it is directly in
	deactivated [shards]map[Principal]struct{}    // users
	withheld    Withholding
	callers     *callers // nil: none is remembered
}

func shard(p Principal) int { return int(maphash.String(seed, string(p)) % shards) }

// Members returns the direct members of a group, sorted; nil if the group is unknown.
func (d *Directory) Members(group Principal) []Principal { return d.members[shard(group)][group] }

// Change is one group's new direct members; nil members remove the group.
type Change struct {
	Group   Principal
	Members []Principal
}

// With returns a directory in which each change has replaced its group's members. A
// change of anything but a group is left out: a user with members would hand out that
// user's rights.
func (d *Directory) With(changes ...Change) *Directory {
	next := *d
	next.callers = newCallers()
	var ownM, ownG [shards]bool // shards already copied
	own := func(table *[shards]map[Principal][]Principal, owned *[shards]bool, p Principal) map[Principal][]Principal {
		i := shard(p)
		if !owned[i] {
			if table[i] = maps.Clone(table[i]); table[i] == nil {
				table[i] = map[Principal][]Principal{}
			}
			owned[i] = true
		}
		return table[i]
	}
	lists := map[Principal]bool{} // whose list of groups is this call's own
	for _, c := range changes {
		if c.Group.Kind() != Group {
			continue
		}
		members := slices.Clone(c.Members)
		slices.Sort(members)
		members = slices.Compact(members)
		for _, m := range next.Members(c.Group) {
			groups := own(&next.groups, &ownG, m)
			groups[m] = slices.DeleteFunc(slices.Clone(groups[m]), func(g Principal) bool { return g == c.Group })
			if len(groups[m]) == 0 {
				delete(groups, m)
			}
		}
		table := own(&next.members, &ownM, c.Group)
		if c.Members == nil {
			delete(table, c.Group)
			continue
		}
		table[c.Group] = members
		for _, m := range members {
			groups := own(&next.groups, &ownG, m)
			if !lists[m] {
				lists[m] = true
				groups[m] = slices.Clone(groups[m])
			}
			groups[m] = append(groups[m], c.Group)
		}
	}
	return &next
}

// Withhold returns a directory whose views withhold these sources, instead of those that
// this one's did. The map must not change any more.
func (d *Directory) Withhold(sources Withholding) *Directory {
	next := *d
	next.withheld = sources
	return &next
}

// Activation says of a user whether it is active. A user of whom nothing was said is.
type Activation struct {
	User   Principal
	Active bool
}

// Activate returns a directory in which the users are active or not, as each change says.
// A change of anything but a user is left out.
func (d *Directory) Activate(changes ...Activation) *Directory {
	next := *d
	next.callers = newCallers()
	var owned [shards]bool // shards already copied
	for _, c := range changes {
		if c.User.Kind() != User || next.Deactivated(c.User) != c.Active { // as it is already
			continue
		}
		i := shard(c.User)
		if !owned[i] {
			if next.deactivated[i] = maps.Clone(next.deactivated[i]); next.deactivated[i] == nil {
				next.deactivated[i] = map[Principal]struct{}{}
			}
			owned[i] = true
		}
		if c.Active {
			delete(next.deactivated[i], c.User)
		} else {
			next.deactivated[i][c.User] = struct{}{}
		}
	}
	return &next
}

// Deactivated reports whether the user has been deactivated: its views admit nothing.
func (d *Directory) Deactivated(user Principal) bool {
	_, deactivated := d.deactivated[shard(user)][user]
	return deactivated
}

// View resolves the identity's groups, however they nest, and returns what it may read at
// the instant, which is nothing for a user who has been deactivated. Groups that the
// identity brings are taken as they are, and none is added. Errors: ErrIdentity,
// ErrTooManyGroups, ErrTooDeep; the View returned with one admits nothing.
func (d *Directory) View(id Identity, at time.Time) (View, error) {
	kind := id.User.Kind()
	if kind != User && kind != Service || id.App.Kind() != Service {
		return View{}, ErrIdentity
	}
	r, err := d.principals(caller{id.User, kind == User && !id.Guest}, id.Groups)
	if err != nil {
		return View{}, err
	}
	v := View{resolved: r, clearance: maps.Clone(id.Clearance), scope: id.Scope, withheld: d.withheld, at: at}
	v.scope.Sources, v.scope.Clearance = slices.Clone(id.Scope.Sources), maps.Clone(id.Scope.Clearance)
	v.seal()
	return v, nil
}

// principals returns the principals that a caller is: with the groups claimed, or those of
// the directory if claimed is nil, never of both. Claimed groups are as old as a token, so
// they are not remembered: the caller's next token may claim others.
func (d *Directory) principals(who caller, claimed []Principal) (r resolved, err error) {
	if d.Deactivated(who.user) {
		return resolved{sum: sum(nil)}, nil // not even everyone
	}
	if claimed != nil {
		r.principals, err = who.claims(claimed)
		r.sum = sum(r.principals)
		return r, err
	}
	r, known := d.callers.get(who)
	if known {
		return r, nil
	}
	if r.principals, err = d.resolve(who); err != nil {
		return resolved{}, err
	}
	r.sum = sum(r.principals)
	d.callers.put(who, r)
	return r, nil
}

// claims returns the principals of a caller who is in these groups and in no other.
func (who caller) claims(groups []Principal) (map[Principal]struct{}, error) {
	if len(groups) > MaxGroups {
		return nil, ErrTooManyGroups
	}
	principals := map[Principal]struct{}{who.user: {}}
	for _, g := range groups {
		if g.Kind() != Group {
			return nil, ErrIdentity
		}
		principals[g] = struct{}{}
	}
	if who.everyone {
		principals[Everyone] = struct{}{}
	}
	return principals, nil
}

// resolve finds the principals that a caller is. Each group is visited once, so cycles and
// diamonds cost nothing extra.
func (d *Directory) resolve(who caller) (map[Principal]struct{}, error) {
	principals := map[Principal]struct{}{who.user: {}}
	level := []Principal{who.user}
	for depth := 0; len(level) > 0; depth++ {
		var next []Principal
		for _, p := range level {
			for _, g := range d.groups[shard(p)][p] {
				if _, seen := principals[g]; seen {
					continue
				}
				principals[g] = struct{}{}
				next = append(next, g)
			}
		}
		if len(principals)-1 > MaxGroups {
			return nil, ErrTooManyGroups
		}
		if len(next) > 0 && depth == MaxDepth {
			return nil, ErrTooDeep
		}
		level = next
	}
	if who.everyone {
		principals[Everyone] = struct{}{}
	}
	return principals, nil
}
