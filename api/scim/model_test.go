package scim

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/muniment/muniment/acl"
)

// model is what should be kept, as plainly as can be.
type model struct {
	active  map[string]bool            // users, by externalId
	shut    map[string]bool            // who was deleted and not created again
	members map[string]map[string]bool // groups, by displayName
	ids     map[string]string          // of users and groups
}

// TestRandomCalls: any sequence of calls leaves the directory as a few maps would have it,
// also over restarts.
func TestRandomCalls(t *testing.T) {
	names, teams := []string{"ada", "ben", "cleo", "dan"}, []string{"Deck", "Galley"}
	sequences, calls := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		sequences++
		p := start(r)
		m := model{map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}, map[string]string{}}
		for range rapid.IntRange(1, 40).Draw(r, "calls") {
			calls++
			name, team := rapid.SampledFrom(names).Draw(r, "user"), rapid.SampledFrom(teams).Draw(r, "group")
			_, isUser := m.active[name]
			_, isGroup := m.members[team]
			switch what := rapid.IntRange(0, 9).Draw(r, "what"); {
			case what == 9:
				p.restart()
			case what < 3 && !isUser:
				m.ids[name] = p.user(name)
				m.active[name] = true
				delete(m.shut, name)
			case what == 0:
				p.ask(204, "DELETE", "/Users/"+m.ids[name], "")
				delete(m.active, name)
				m.shut[name] = true
				for _, members := range m.members {
					delete(members, name)
				}
			case what < 3:
				active := rapid.Bool().Draw(r, "active")
				m.active[name] = active
				p.ask(200, "PATCH", "/Users/"+m.ids[name], fmt.Sprintf(`{"Operations":[{"op":"Replace","path":"active","value":"%t"}]}`, active))
			case what < 8 && !isGroup:
				m.ids[team] = p.group(team)
				m.members[team] = map[string]bool{}
			case what == 7:
				p.ask(204, "DELETE", "/Groups/"+m.ids[team], "")
				delete(m.members, team)
			case what == 3 && isGroup:
				all := slices.Sorted(maps.Keys(m.active))
				var ids []string
				for _, n := range all {
					ids = append(ids, m.ids[n])
					m.members[team][n] = true
				}
				p.ask(200, "PUT", "/Groups/"+m.ids[team], `{"displayName":"x","members":`+membersOf(ids...)+`}`)
				clear(m.members[team])
				for _, n := range all {
					m.members[team][n] = true
				}
			case isUser && isGroup && what < 6:
				p.ask(204, "PATCH", "/Groups/"+m.ids[team], `{"Operations":[{"op":"add","path":"members","value":`+membersOf(m.ids[name])+`}]}`)
				m.members[team][name] = true
			case isUser && isGroup:
				p.ask(204, "PATCH", "/Groups/"+m.ids[team], `{"Operations":[{"op":"remove","path":"members[value eq \"`+m.ids[name]+`\"]"}]}`)
				delete(m.members[team], name)
			}
			m.compare(p, names)
		}
	})
	t.Logf("%d sequences, %d calls", sequences, calls)
}

func (m model) compare(p *provider, names []string) {
	p.Helper()
	d := p.kept.directory()
	for _, name := range names {
		active, known := m.active[name]
		if got := d.Deactivated(acl.Principal("user:corp/" + name)); got != (known && !active || m.shut[name]) {
			p.Fatalf("%s is deactivated: %t; in the model known %t, active %t", name, got, known, active)
		}
	}
	p.total(len(m.active), "/Users")
	p.total(len(m.members), "/Groups")
	for team, members := range m.members {
		want := []acl.Principal{}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			want = append(want, acl.Principal("user:corp/"+name))
		}
		p.is("group:corp/"+m.ids[team], want...)
		got, _ := p.ask(200, "GET", "/Groups/"+m.ids[team], "")
		if n := len(got["members"].([]any)); n != len(want) {
			p.Fatalf("%s shows %d members, want %d", team, n, len(want))
		}
	}
}
